"""What servers say themselves, asked by other clients than ours."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
from junitparser import Error, Failure, JUnitXml

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.migration.assessment.reasons import SATURATED, STALLED
from redis_rehearsal.verification.criterion_names import CRITERIA, about

_WHERE_THERE_IS_ANY = {"run", "structures", "comparison"}
_OF_THE_MACHINE = (SATURATED, STALLED, "the baseline itself had")
_LATENCIES = {"p50", "p99", "event_p99"}


def statuses(document: dict[str, Any]) -> dict[str, str]:
    """What became of each criterion, by name."""
    return {each["name"]: each["status"] for each in document["verdict"]["criteria"]}


def require_data(document: dict[str, Any]) -> None:
    """See that the migration came to its end, and that every criterion about data was measured and passed."""
    found = statuses(document)
    wanted = (about("run") | about("data")) - (_WHERE_THERE_IS_ANY - found.keys())
    assert {name: found.get(name) for name in wanted} == dict.fromkeys(wanted, "passed"), document["verdict"]


def require_pass(document: dict[str, Any]) -> None:
    """See that a rehearsal passed: in every criterion, by name.

    Only about time nothing can be known where the generator was kept from running, or where the machine stood still
    without a migration too. Of the recovery a baseline of a few seconds knows next to nothing about latencies.
    """
    require_data(document)
    assert CRITERIA.keys() - _WHERE_THERE_IS_ANY <= statuses(document).keys()
    others = [each for each in document["verdict"]["criteria"] if each["status"] != "passed"]
    for each in others:
        if each["name"] == "recovery":
            measures = document["recovery"]["measures"] if "recovery" in document else {}
            late = {name for name, seconds in measures.items() if seconds is None or seconds > each["limit"]}
            assert each["status"] == "unknown" or late <= _LATENCIES, document["verdict"]
        else:
            assert each["status"] == "unknown", document["verdict"]
            assert each["reason"].startswith(_OF_THE_MACHINE), document["verdict"]
    worst = {each["status"] for each in others}
    status = "fail" if "failed" in worst else "unknown" if others else "pass"
    assert document["verdict"]["status"] == status


def counters(client: Any, prefix: str = "rehearsal:") -> int:
    """The sum of all counters."""
    keys = list(client.scan_iter(f"{prefix}count:*"))
    return sum(int(value) for value in client.mget(keys)) if keys else 0


def statement(postgres: PostgresServer, sql: str) -> None:
    """Do something to the database behind the tool's back."""

    async def execute() -> None:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def events_in(postgres: PostgresServer) -> tuple[int, int, int]:
    """Event rows, different ids among them, and the sum of the roll-ups."""

    async def ask() -> tuple[int, int, int]:
        connection = await asyncpg.connect(postgres.url)
        try:
            row = await connection.fetchrow(
                "SELECT count(*), count(DISTINCT id), (SELECT sum(events)::bigint FROM analytics.hourly_events) "
                "FROM analytics.events"
            )
        finally:
            await connection.close()
        return row[0], row[1], row[2]

    return asyncio.run(ask())


def ledger_of(document: dict[str, Any], *names: str) -> list[int]:
    """Figures of a document's ledger."""
    return [document["ledger"][name] for name in names]


def bears_out(junit: Path, verdicts: list[dict[str, Any]]) -> None:
    """See that a file of JUnit XML says what these verdicts do, as read by a library that others use for it."""
    suites = list(JUnitXml.fromfile(str(junit)))
    assert len(suites) == len(verdicts)
    for suite, verdict in zip(suites, verdicts, strict=True):
        found = {case.name: [type(each) for each in case.result] for case in suite}
        became = {"passed": [], "failed": [Failure], "unknown": [Error]}
        assert found == {each["name"]: became[each["status"]] for each in verdict["criteria"]}
        counted = [sum(each["status"] == name for each in verdict["criteria"]) for name in ("failed", "unknown")]
        assert [suite.failures, suite.errors, suite.tests] == [*counted, len(verdict["criteria"])]
