import copy
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.telemetry.counts import Counts
from redis_rehearsal.telemetry.histogram import Histogram


def of(durations: list[float]) -> Histogram:
    made = Histogram()
    made.record(durations)
    return made


@dataclass(slots=True)
class Inner(Counts):
    number: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Outer(Counts):
    inner: Inner = field(default_factory=Inner)
    by_name: dict[str, int] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)


NAMES = st.sampled_from("abc")
MADE = st.builds(
    Outer,
    st.builds(Inner, st.integers(0, 9), st.sampled_from([0.0, 0.25, 2.0])),
    st.dictionaries(NAMES, st.integers(1, 9)),
    st.dictionaries(NAMES, st.lists(st.sampled_from([0.125, 0.5]), min_size=1, max_size=3).map(of)),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3),
)


def plain(counts: Outer) -> object:
    return (
        (counts.inner.number, counts.inner.seconds),
        dict(counts.by_name),
        {name: each.packed() for name, each in counts.durations.items()},
        sorted(counts.spans),
    )


def merged(parts: list[Outer]) -> Outer:
    whole = Outer()
    for part in parts:
        whole.merge(part)
    return whole


@given(st.lists(MADE, max_size=4))
def test_what_is_merged_is_the_sum_in_any_order_and_no_part_changes(parts: list[Outer]) -> None:
    before = copy.deepcopy(parts)
    whole = merged(parts)
    assert whole.inner.number == sum(part.inner.number for part in parts)
    assert whole.by_name == sum((Counter(part.by_name) for part in parts), Counter())
    for name in "abc":
        each = [part.durations[name].count for part in parts if name in part.durations]
        assert sum(each) == (whole.durations[name].count if name in whole.durations else 0)
    assert sorted(whole.spans) == sorted(span for part in parts for span in part.spans)
    assert plain(whole) == plain(merged(parts[::-1]))
    # Nor does one when more is added to the sum.
    whole.merge(copy.deepcopy(whole))
    assert list(map(plain, parts)) == list(map(plain, before))


@given(MADE, MADE)
def test_what_is_taken_is_whole_and_what_follows_begins_anew(first: Outer, second: Outer) -> None:
    counts = copy.deepcopy(first)
    taken = counts.take()
    assert plain(counts) == plain(Outer())
    counts.merge(second)
    assert plain(taken) == plain(first)
    assert plain(counts) == plain(second)
    counts.by_name["new"] += 1
    assert counts.by_name["new"] == 1
