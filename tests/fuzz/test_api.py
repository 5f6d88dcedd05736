"""Calls of any kind to the API of a run that goes on: answered as its own description says."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from redis_rehearsal.migration.options import LoadChange
from redis_rehearsal.web.openapi import openapi_document
from tests.fuzz import SECRET, many, some
from tests.support import Command, command, wait_for, working_in

TOKEN = f"{SECRET}-which-is-long-enough"
ANSWER_SECONDS = 60
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]
ENDLESS = "/api/events"
COMMANDS = ("command", "ready_command")
RATES = ("queries_per_second", "events_per_second")
HIGHEST = {name: LoadChange.model_json_schema()["properties"][name]["anyOf"][0]["maximum"] for name in RATES}
MOST_PER_SECOND = 50
"""Any command might be run, and any load: those of the tests are harmless."""


def test_the_description_is_valid() -> None:
    validate(openapi_document())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    place = tmp_path_factory.mktemp("run")
    with command(place, "run", "--load", "low", CONTROL_TOKEN=TOKEN, TMPDIR=str(place)) as running:
        wait_for(lambda: stage(running) == "running", "the load")
        yield running
        running.interrupt()
        assert running.wait() == 0
        assert "Traceback" not in running.stderr
        assert "error in the tool itself" not in running.stderr
        assert SECRET not in running.stderr + running.stdout
    assert not working_in(place)


def stage(run: Command) -> str:
    answer: dict[str, Any] = requests.get(f"{run.address}/api/status", timeout=ANSWER_SECONDS).json()
    return str(answer.get("stage"))


schema = schemathesis.openapi.from_dict(openapi_document())
operations = [schema[path][method] for path, methods in schema.items() for method in methods if path != ENDLESS]
cases = st.sampled_from(operations).flatmap(
    lambda operation: st.sampled_from(list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]).flatmap(
        operation.as_strategy
    )
)


def call(run: Command, case: Case[Any]) -> None:
    body: Any = case.body
    if isinstance(body, dict):
        harmless: dict[str, Any] = {name: "true" for name in COMMANDS if isinstance(body.get(name), str)}
        for name in RATES:
            # What is out of range stays so: it is to be refused.
            if isinstance(body.get(name), int | float) and MOST_PER_SECOND < body[name] <= HIGHEST[name]:
                harmless[name] = MOST_PER_SECOND
        case.body = body | harmless
    case.headers["Authorization"] = f"Bearer {TOKEN}"
    answer = wait_for(lambda: answered(run, case), "an answer", ANSWER_SECONDS)
    case.validate_response(answer, checks=CHECKS)
    assert "Traceback" not in answer.text
    assert SECRET not in answer.text


def answered(run: Command, case: Case[Any]) -> Any:
    """The answer; None while a run that was reset begins again."""
    assert run.process.poll() is None, run.stderr
    try:
        return case.call(base_url=run.address, timeout=ANSWER_SECONDS)
    except requests.ConnectionError:
        return None


@settings(some, max_examples=100)
@given(case=cases)
def test_calls(run: Command, case: Case[Any]) -> None:
    call(run, case)


@many
@given(case=cases)
def test_many_calls(run: Command, case: Case[Any]) -> None:
    call(run, case)
