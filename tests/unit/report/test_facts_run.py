from typing import Any

import pytest

from redis_rehearsal.report.facts_run import report_sections
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document


def told(made: dict[str, Any]) -> str:
    return " ".join(str(block) for section in report_sections(whole(made)) for block in section.blocks)


@pytest.mark.parametrize(
    ("migration", "ledger", "why"),
    [
        ({"options": {"compare": False}}, {}, "it was not wanted (--no-compare)."),
        ({"strategy": "observe"}, {}, "with observe something else moves the data"),
        ({"status": "rolled-back"}, {}, "the migration did not come to its end, but rolled-back."),
        ({"status": "running"}, {}, "the run ended before the migration did."),
        ({"status": None}, {}, "the migration did not come to its end, but to none that is known."),
        ({}, {"error": "The source is away."}, "the ledger could not be held against the servers"),
        ({}, {}, "the document does not say why."),
    ],
)
def test_why_servers_were_not_compared_is_what_happened(
    migration: dict[str, Any], ledger: dict[str, Any], why: str
) -> None:
    made = document() | {"comparison": None}
    made["migration"] |= {"strategy": "replicate", "status": "done"} | migration
    made["ledger"] |= ledger
    assert f"The servers were not compared: {why}" in told(made)


def test_servers_of_a_migration_that_goes_on_were_not_compared_yet() -> None:
    made = document() | {"comparison": None, "stage": "running"}
    made["migration"]["status"] = "running"
    assert "The servers were not compared: the migration is under way." in told(made)
