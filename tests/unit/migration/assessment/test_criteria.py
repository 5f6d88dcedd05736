"""What proves nothing is unknown, and not passed."""

from dataclasses import replace

import pytest

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.options import Limits
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.verdict import Criterion

EVIDENCE = Evidence(
    limits=Limits(),
    status="done",
    reason="",
    unseen=False,
    phases=[],
    ended_seconds=100.0,
    queries={},
    events={},
    rows=[],
    began_seconds=0.0,
    query_gaps=[],
    event_gaps=[],
    baseline_seconds=(0.0, 10.0),
    cutovers=[(10.0, 11.0)],
    audit=Audit(),
    checks=Checks(),
    saturated=False,
    workers_lost=0,
    query_rate=1_000.0,
    event_rate=1_000.0,
    source_cpu_ratio=None,
)


def criterion(name: str, evidence: Evidence) -> Criterion:
    return next(each for each in assess(evidence).verdict.criteria if each.name == name)


@pytest.mark.parametrize(
    ("gaps", "status"),
    [
        ([], "passed"),
        ([(20.0, 20.2)], "passed"),
        ([(20.0, 20.3)], "failed"),
        # A baseline that stood still itself excuses nothing.
        ([(5.0, 6.2), (20.0, 21.1)], "unknown"),
        ([(5.0, 5.13)], "unknown"),
        ([(5.0, 5.12), (20.0, 20.2)], "passed"),
        ([(5.0, 6.2), (20.0, 21.3)], "failed"),
        # What is not over may become longer.
        ([(99.9, 100.0)], "unknown"),
        ([(99.5, 100.0)], "failed"),
    ],
)
def test_downtime_is_judged_only_by_a_baseline_that_stood_up(gaps: list[tuple[float, float]], status: str) -> None:
    assert criterion("query_downtime", replace(EVIDENCE, query_gaps=gaps)).status == status
    assert criterion("event_downtime", replace(EVIDENCE, event_gaps=gaps)).status == status


def test_a_run_that_broke_proves_nothing() -> None:
    found = criterion("run", replace(EVIDENCE, broken="The database did not take 318 event rows."))
    assert (found.status, found.reason) == ("unknown", "The database did not take 318 event rows.")


@pytest.mark.parametrize(
    ("comparison", "status"),
    [
        (KeyComparison(10, {"value": 0}), "passed"),
        (KeyComparison(10, {"value": 1}), "failed"),
        (KeyComparison(10, {"value": 0}, unreadable="1 key"), "unknown"),
        (KeyComparison(10, {"value": 1}, unreadable="1 key"), "failed"),
        (KeyComparison(error="away"), "unknown"),
        (KeyComparison(10, {"value": 1}).and_then(KeyComparison(10, {"value": 0})), "failed"),
        (KeyComparison(10, {"value": 0}).and_then(KeyComparison(10, {"value": 0})), "passed"),
        (KeyComparison(10, {"value": 0}, unreadable="1 key").and_then(KeyComparison(10, {"value": 0})), "unknown"),
    ],
)
def test_keys_that_could_not_be_compared_are_not_the_same(comparison: KeyComparison, status: str) -> None:
    assert criterion("comparison", replace(EVIDENCE, comparison=comparison)).status == status
