"""What criteria declare of themselves is so."""

from dataclasses import replace
from typing import Any, cast

import pytest

from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.migration.assessment.assess import figures_of
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.figures import Figures
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.criteria.counters import DUPLICATED, LOST
from redis_rehearsal.migration.criterion import DeclaredCriterion
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.not_carried import NotCarried
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import Reconciliation
from tests.unit.migration.assessment.made_evidence import EVIDENCE, phased, tally
from tests.unit.migration.assessment.made_rows import baseline_rows

IN_ORDER = """
migration lost duplicated stranded wrong_reports counter_regressions run structures comparison ttl_drift not_carried
failed_queries failed_events sync_p99 event_sync_p99 sync_query_downtime sync_event_downtime query_downtime
event_downtime cutover_p99 event_cutover_p99 recovery
"""
EVERYTHING = replace(
    phased(BASELINE=tally(ok=9), SYNC=tally(ok=9, failed=1), CUTOVER=tally(ok=9, response_seconds=2.0)),
    baseline_seconds=(0.0, 10.0),
    broken="something",
    comparison=KeyComparison(1, {"value": 0}),
    not_carried=NotCarried(),
    audit=replace(Audit(), structures={"hash": Reconciliation()}),
    held_seconds=[0.1],
    rows=baseline_rows(0.001),
)


class Watched:
    """Notes what is read of an object."""

    def __init__(self, watched: object, seen: set[str], prefix: str = "") -> None:
        self._watched, self._seen, self._prefix = watched, seen, prefix

    def __getattr__(self, name: str) -> Any:
        self._seen.add(f"{self._prefix}{name}")
        return getattr(self._watched, name)


def test_they_stand_in_one_order() -> None:
    assert list(CRITERIA) == IN_ORDER.split()


@pytest.mark.parametrize("declared", CRITERIA.values(), ids=CRITERIA)
def test_a_criterion_reads_what_it_says(declared: DeclaredCriterion) -> None:
    seen: set[str] = set()
    unlike: tuple[dict[str, Any], ...] = (
        {},
        {"status": "failed", "unseen": Cause.ENDED_EARLY.because()},
        {"status": "failed", "reason": "broken"},
        {"replica": "redis://new"},
        {"unattributed": Cause.SERVER_NAMELESS.because(sentence="INFO is refused")},
        {"workers_lost": 1},
        {"query_gaps": [Gap(20.0, 21.0)], "event_gaps": [Gap(20.0, 21.0)]},
        {"cutovers": []},
        {"limits": Limits(max_failed_queries=0.5, max_failed_events=0.5)},
    )
    for changes in unlike:
        evidence: Evidence = replace(EVERYTHING, **changes)
        if declared.applies(evidence):
            figures = cast("Figures", Watched(figures_of(evidence), seen, "figures."))
            declared.judge(declared, cast("Evidence", Watched(evidence, seen)), figures)
    assert seen - {"limits"} == set(declared.reads)


@pytest.mark.parametrize("declared", CRITERIA.values(), ids=CRITERIA)
def test_what_a_criterion_declares_is_there(declared: DeclaredCriterion) -> None:
    assert declared.advice
    assert (declared.limit_name is None) is (declared.about == "run")
    assert declared.limit_name is None or declared.allowed(Limits()) == getattr(Limits(), declared.limit_name)
    assert (declared.unit == "") is (declared.about == "run")
    found = declared.judged(EVERYTHING, figures_of(EVERYTHING))
    assert found is not None
    assert (found.name, found.unit) == (declared.name, declared.unit)
    assert declared.kind == ("events" if "event" in declared.name else "queries")


def test_a_judge_speaks_of_its_own_criterion_only() -> None:
    mistaken = replace(LOST, judge=lambda _, *known: DUPLICATED.judge(DUPLICATED, *known))
    with pytest.raises(ValueError, match="the criterion lost was judged as duplicated"):
        mistaken.judged(EVIDENCE, figures_of(EVIDENCE))
    found = replace(mistaken, package="example").judged(EVIDENCE, figures_of(EVIDENCE))
    assert found is not None
    assert (found.status, found.causes) == ("unknown", (Cause.JUDGE_BROKE,))
    assert found.reason.startswith("the package example failed to judge it (ValueError: the criterion lost was judged")
