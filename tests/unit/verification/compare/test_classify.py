from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.compare.classify import (
    CHANGED,
    EXPIRED,
    UNREAD,
    Difference,
    Kind,
    Summary,
    classify,
    converged,
    judge,
    runs_out_seconds,
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


@given(HELD, HELD, st.integers(0, 100_000))
def test_nothing_is_benign_for_what_may_become_of_it(
    source: Summary | None, target: Summary | None, tolerance_ms: int
) -> None:
    kind = classify(source, target, tolerance_ms)
    if kind is not None:
        assert judge(difference(kind, source, target), None, tolerance_ms).benign == ""


def test_what_one_server_has_for_a_moment_only_is_waited_for() -> None:
    going = difference(Kind.MISSING, replace(ONE, ttl_ms=900), None, 10.0)
    assert runs_out_seconds(going, 1000) == 10.9
    assert runs_out_seconds(going, 800) is None
    assert runs_out_seconds(difference(Kind.EXTRA, None, replace(ONE, ttl_ms=0), 1.0), 0) == 1.0
    assert runs_out_seconds(difference(Kind.MISSING, ONE, None), 1000) is None
    assert runs_out_seconds(difference(Kind.VALUE, replace(ONE, ttl_ms=9), replace(TWO, ttl_ms=9)), 1000) is None


def test_a_difference_in_time_stays_one_when_the_shorter_time_runs_out() -> None:
    before = difference(Kind.TTL, replace(ONE, ttl_ms=90_000), replace(ONE, ttl_ms=1_500))
    now = difference(Kind.MISSING, replace(ONE, ttl_ms=88_000), None, 2.0)
    assert judge(now, before, 1000) is before
    deleted = difference(Kind.TTL, replace(ONE, ttl_ms=90_000), ONE)
    assert judge(now, deleted, 1000) == now


def test_of_what_moves_on_both_servers_nothing_can_be_said() -> None:
    before = difference(Kind.VALUE, ONE, TWO)
    three = replace(ONE, digest="three")
    for now, unsettled in (((TWO, ONE), True), ((three, TWO), False), ((ONE, three), False), ((ONE, TWO), False)):
        found = judge(difference(Kind.VALUE, *now), before, 1000)
        assert (found.unsettled, found.benign) == (unsettled, "")
    never_still = difference(Kind.VALUE, replace(ONE, digest=UNREAD[0]), replace(ONE, digest=UNREAD[1]))
    assert judge(never_still, never_still, 1000).unsettled


def test_writes_on_the_source_are_remembered_and_what_expired_there_is_none() -> None:
    before = difference(Kind.VALUE, ONE, TWO)
    moved = judge(difference(Kind.VALUE, TWO, replace(ONE, digest="three")), before, 1000)
    assert moved.source_moved
    assert judge(moved, moved, 1000).source_moved
    assert not judge(difference(Kind.EXTRA, None, TWO), before, 1000).source_moved
    assert not judge(difference(Kind.VALUE, ONE, ONE), before, 1000).source_moved


@given(st.sampled_from([None, 90_000]), st.sampled_from(["", "noeviction", "volatile-ttl", "allkeys-lru"]))
def test_only_what_was_seen_there_and_can_be_evicted_may_have_been(ttl_ms: int | None, policy: str) -> None:
    held = replace(TWO, ttl_ms=ttl_ms)
    seen, gone = difference(Kind.VALUE, ONE, held), difference(Kind.MISSING, ONE, None)
    can = policy.startswith("allkeys") or (policy.startswith("volatile") and ttl_ms is not None)
    first = judge(gone, seen, 1000, ("allkeys-lru", policy))
    assert first.evictable is can
    assert judge(gone, first, 1000, ("allkeys-lru", policy)).evictable is can
    assert not judge(gone, gone, 1000, (policy, policy)).evictable
    assert (
        judge(difference(Kind.EXTRA, None, ONE), difference(Kind.VALUE, held, ONE), 1000, (policy, "")).evictable is can
    )


def test_what_is_equal_in_a_later_round_had_expired_or_was_changed() -> None:
    leaving = difference(Kind.MISSING, replace(ONE, ttl_ms=1_500), None)
    assert converged(leaving, 1.5, gone=True) == EXPIRED
    assert converged(leaving, 1.4, gone=True) == CHANGED
    assert converged(leaving, 2.0, gone=False) == CHANGED
