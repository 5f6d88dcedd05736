"""Input that nobody would give: no traceback, no hang, no secret shown, and nothing left."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

FEW, MANY = 12, 3000
SECRET = "geheim"

some = settings(max_examples=FEW, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
"""The same input each time; other input is tried by the long tests."""


def many(check: Any) -> Any:
    """A long test of the same: input that differs each time."""
    examples = int(os.environ.get("FUZZ_EXAMPLES", MANY))
    longer = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    return pytest.mark.matrix(pytest.mark.timeout(1_800)(longer(check)))
