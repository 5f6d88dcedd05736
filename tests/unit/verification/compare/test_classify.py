from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.compare.classify import (
    CHANGED,
    EXPIRED,
    Difference,
    Kind,
    Summary,
    classify,
    converged,
    judge,
)

TTLS = st.none() | st.integers(0, 100_000)
SUMMARIES = st.builds(
    Summary, st.sampled_from(["string", "hash"]), st.integers(1, 3), TTLS, st.sampled_from(["one", "two"])
)
HELD = st.none() | SUMMARIES
MIRRORED = {Kind.MISSING: Kind.EXTRA, Kind.EXTRA: Kind.MISSING}


@given(HELD, st.integers(0, 1000))
def test_what_is_the_same_does_not_differ(held: Summary | None, tolerance_ms: int) -> None:
    assert classify(held, held, tolerance_ms) is None


@given(HELD, HELD, st.integers(0, 1000))
def test_classes_are_the_same_from_the_other_side(
    source: Summary | None, target: Summary | None, tolerance_ms: int
) -> None:
    kind = classify(source, target, tolerance_ms)
    other = classify(target, source, tolerance_ms)
    assert other is (MIRRORED.get(kind, kind) if kind else None)


@given(SUMMARIES, SUMMARIES, st.integers(0, 1000))
def test_the_first_class_that_applies_counts(source: Summary, target: Summary, tolerance_ms: int) -> None:
    kind = classify(source, target, tolerance_ms)
    if source.type != target.type:
        assert kind is Kind.TYPE
    elif source.digest != target.digest:
        assert kind is Kind.VALUE
    elif (source.ttl_ms is None) != (target.ttl_ms is None):
        assert kind is Kind.TTL
    else:
        apart = abs((source.ttl_ms or 0) - (target.ttl_ms or 0))
        assert kind is (Kind.TTL if apart > tolerance_ms else None)


def difference(kind: Kind, source: Summary | None, target: Summary | None, seen_seconds: float = 0.0) -> Difference:
    return Difference(b"key", kind, source, target, seen_seconds)


ONE, TWO = Summary("string", 3, None, "one"), Summary("string", 3, None, "two")


def test_what_is_about_to_expire_and_gone_on_one_server_has_expired() -> None:
    assert judge(difference(Kind.MISSING, replace(ONE, ttl_ms=900), None), None, 1000).benign == EXPIRED
    assert judge(difference(Kind.EXTRA, None, replace(ONE, ttl_ms=0)), None, 0).benign == EXPIRED
    assert judge(difference(Kind.MISSING, replace(ONE, ttl_ms=1100), None), None, 1000).benign == ""
    assert judge(difference(Kind.MISSING, ONE, None), None, 1000).benign == ""


def test_a_difference_in_time_stays_one_when_the_shorter_time_runs_out() -> None:
    before = difference(Kind.TTL, replace(ONE, ttl_ms=90_000), replace(ONE, ttl_ms=1_500))
    now = difference(Kind.MISSING, replace(ONE, ttl_ms=88_000), None, 2.0)
    assert judge(now, before, 1000) is before
    deleted = difference(Kind.TTL, replace(ONE, ttl_ms=90_000), ONE)
    assert judge(now, deleted, 1000) == now


def test_only_what_moves_on_both_servers_is_benign() -> None:
    before = difference(Kind.VALUE, ONE, TWO)
    assert judge(difference(Kind.VALUE, TWO, ONE), before, 1000).benign == CHANGED
    assert judge(difference(Kind.VALUE, replace(ONE, digest="three"), TWO), before, 1000).benign == ""
    assert judge(before, before, 1000).benign == ""


def test_what_is_equal_in_a_later_round_had_expired_or_was_changed() -> None:
    leaving = difference(Kind.MISSING, replace(ONE, ttl_ms=1_500), None)
    assert converged(leaving, 2.0, 1000, gone=True) == EXPIRED
    assert converged(leaving, 0.1, 1000, gone=True) == CHANGED
    assert converged(leaving, 2.0, 1000, gone=False) == CHANGED
