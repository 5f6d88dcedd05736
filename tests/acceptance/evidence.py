"""What servers say themselves, asked by other clients than ours."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

import asyncpg
from junitparser import Error, Failure, JUnitXml

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.migration.criteria import CRITERIA, about
from redis_rehearsal.verification.reasons import Cause

_WHERE_THERE_IS_ANY = {"run", "structures", "comparison"}
_OF_THE_GENERATOR = {
    Cause.GENERATOR_SATURATED,
    Cause.GENERATOR_STALLED,
    Cause.BASELINE_STALLED,
    Cause.BASELINE_ALL_STALLED,
}
READ_LATER = ("wrong_reports", "counter_regressions")
_LATENCIES = {"p50", "p99", "event_p99"}


def statuses(document: dict[str, Any]) -> dict[str, str]:
    """What became of each criterion, by name."""
    return {each["name"]: each["status"] for each in document["verdict"]["criteria"]}


def require_data(document: dict[str, Any]) -> None:
    """See that the migration came to its end, and that every criterion about data was measured and passed."""
    found = statuses(document)
    wanted = (about("run") | about("data")) - (_WHERE_THERE_IS_ANY - found.keys())
    assert {name: found.get(name) for name in wanted} == dict.fromkeys(wanted, "passed"), document["verdict"]


def is_the_generators(criterion: dict[str, Any]) -> bool:
    """Whether a criterion is unknown since the generator was kept from running, and for nothing else."""
    causes = set(criterion["causes"])
    return criterion["status"] == "unknown" and bool(causes) and causes <= _OF_THE_GENERATOR


def require_failed(criterion: dict[str, Any]) -> None:
    """See that a criterion about time failed, unless the generator was kept from running so that nobody can tell."""
    assert criterion["status"] == "failed" or is_the_generators(criterion), criterion


def require_passed(criterion: dict[str, Any]) -> None:
    """See that a criterion about time passed, unless the generator was kept from running so that nobody can tell."""
    assert criterion["status"] == "passed" or is_the_generators(criterion), criterion


def require_pass(document: dict[str, Any]) -> None:
    """See that a rehearsal passed: in every criterion, by name.

    Only about time nothing can be known where the generator was kept from running. Of the recovery a baseline of a few
    seconds knows next to nothing about latencies.
    """
    require_data(document)
    assert CRITERIA.keys() - _WHERE_THERE_IS_ANY <= statuses(document).keys()
    others = [each for each in document["verdict"]["criteria"] if each["status"] != "passed"]
    for each in others:
        assert each["name"] in about("time"), document["verdict"]
        if (each["name"], each["status"]) == ("recovery", "failed"):
            late = _late(document, each)
            assert late, document["verdict"]
            assert late <= _LATENCIES, document["verdict"]
        else:
            assert is_the_generators(each), document["verdict"]
    worst = {each["status"] for each in others}
    status = "fail" if "failed" in worst else "unknown" if others else "pass"
    assert document["verdict"]["status"] == status


def _late(document: dict[str, Any], recovery: dict[str, Any]) -> set[str]:
    """The measures that came back too late, or were not seen to."""
    if "recovery" in document:
        measures = document["recovery"]["measures"]
        return {name for name, seconds in measures.items() if seconds is None or seconds > recovery["limit"]}
    # What `migrate` prints has them in the reason alone.
    _, _, named = recovery["reason"].partition(Cause.NOT_RECOVERED.because(measures=""))
    return set(named.removesuffix(")").split(", ")) - {""}


def require_fail(document: dict[str, Any], *names: str, perhaps: Collection[str] = READ_LATER) -> None:
    """See that a rehearsal came to its end and failed in these criteria about data, and in no other of them.

    What is about time may fail too, or be unknown: a way that spoils data is not asked what it costs.

    Args:
        document: of the rehearsal.
        names: of the criteria.
        perhaps: those that fail where the load happens to read what was spoilt.
    """
    found = {name: status for name, status in statuses(document).items() if name not in about("time")}
    for name in set(perhaps) - set(names):
        assert found.pop(name) in ("passed", "failed"), document["verdict"]
    assert found == dict.fromkeys(found, "passed") | dict.fromkeys(names, "failed"), document["verdict"]
    assert document["verdict"]["status"] == "fail"


def require_unproven(document: dict[str, Any]) -> None:
    """See that a rehearsal proved nothing: no criterion failed but ones about time, as a busy machine may have it."""
    found = {each["name"] for each in document["verdict"]["criteria"] if each["status"] == "failed"}
    assert found <= about("time"), document["verdict"]
    assert document["verdict"]["status"] == ("fail" if found else "unknown")


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
