import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import reconcile
from redis_rehearsal.verification.verdict import Criterion, Status, VerdictStatus, at_most, bounded, judge

AWAY = Cause.COUNTERS_UNREAD.because(error="away")
statuses = st.lists(st.sampled_from(Status), max_size=len(CRITERIA))


@given(statuses)
def test_one_failed_fails_and_one_unknown_is_never_a_pass(found: list[Status]) -> None:
    named = zip(CRITERIA, found, strict=False)
    status = judge(Criterion(name, 0, 0, each, causes=AWAY.causes) for name, each in named).status
    if Status.FAILED in found:
        assert status is VerdictStatus.FAIL
    elif Status.UNKNOWN in found or not found:
        assert status is VerdictStatus.UNKNOWN
    else:
        assert status is VerdictStatus.PASS


def test_a_verdict_has_each_criterion_once() -> None:
    with pytest.raises(ValueError, match="once"):
        judge(Criterion("lost", 0, 0, Status.PASSED) for _ in range(2))


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_count_passes_only_if_its_upper_bound_does(limit: int, least: int, more: int) -> None:
    status = bounded("lost", limit, least, least + more, reason=AWAY, failed="").status
    expected = Status.FAILED if least > limit else Status.UNKNOWN if least + more > limit else Status.PASSED
    assert status is expected


def test_what_could_not_be_counted_or_bounded_is_unknown() -> None:
    assert bounded("lost", 0, None, None, reason=AWAY, failed="").status is Status.UNKNOWN
    assert bounded("lost", 0, 0, None, reason=AWAY, failed="").status is Status.UNKNOWN
    assert bounded("lost", 0, 1, None, reason=AWAY, failed="").status is Status.FAILED


def test_what_was_not_measured_is_unknown_however_high_the_limit() -> None:
    assert at_most("p99", 1e9, None, "seconds", unmeasured=AWAY, failed="").status is Status.UNKNOWN
    assert at_most("p99", None, 1.0, "seconds", unmeasured=AWAY, failed="").status is Status.UNKNOWN
    assert at_most("p99", 1.0, 0.5, "seconds", unless=AWAY, unmeasured=AWAY, failed="").status is Status.UNKNOWN


def test_nothing_is_unknown_for_no_cause() -> None:
    with pytest.raises(ValueError, match="for no cause"):
        Criterion("lost", 0, None, Status.UNKNOWN, reason="somebody wrote down why, and nobody knows what to do")


def test_five_lost_while_five_unknown_ones_were_applied_is_no_pass() -> None:
    found = reconcile(*(np.array([[value]]) for value in (0, 100, 105, 100)))
    criterion = bounded("lost", 0, found.lost, found.lost_at_most, reason=AWAY, failed="")
    assert (criterion.status, found.lost_at_most) == (Status.UNKNOWN, 5)
