import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.stalls import BRIDGED_SECONDS, Gap, Stalls, united


def noted(*stalls: tuple[float, float]) -> Stalls:
    made = Stalls()
    for due, woke in stalls:
        made.note(due, woke)
    return made


def test_a_stall_counts_once_whoever_tells_of_it_and_only_where_the_gap_is() -> None:
    stalls = noted((2.0, 2.004), (2.1, 2.9), (2.1, 2.95), (5.0, 6.0))
    assert stalls.gap(0.0, 2.0).at_least_seconds == 2.0
    assert np.isclose(stalls.gap(0.0, 4.0).at_least_seconds, 2.1)
    assert np.isclose(stalls.gap(2.0, 4.0).at_least_seconds, 4.0 - 2.95)
    assert np.isclose(stalls.gap(2.5, 5.25).at_least_seconds, 5.0 - 2.95)
    assert stalls.gap(2.2, 2.8).at_least_seconds == 0.0
    assert stalls.gap(2.2, 2.8)[:2] == (2.2, 2.8)
    assert stalls.take() == [(2.1, 2.9), (2.9, 2.95), (5.0, 6.0)]
    assert stalls.take() == []


def test_what_was_not_sent_in_a_stall_might_have_had_an_answer_after_it() -> None:
    stalls = noted((2.0, 2.5))
    # What ended it was on its way all the time, so that nothing else was answered either.
    assert stalls.gap(1.9, 4.0, written=1.8).at_least_seconds == 1.5
    # Else an answer takes as long as the last one before the gap did, or as what ended it.
    assert np.isclose(stalls.gap(1.9, 4.0, 0.2, written=3.9).at_least_seconds, 4.0 - 2.7)
    assert np.isclose(stalls.gap(1.9, 4.0, 0.2, written=2.6).at_least_seconds, 0.1)
    assert np.isclose(stalls.gap(1.9, 4.0, 0.2).at_least_seconds, 4.0 - 2.7)
    assert stalls.gap(1.9, 4.0, 0.2, written=1.8).at_least_seconds == 1.5
    # Also where the stall was over when the gap began.
    assert np.isclose(stalls.gap(2.6, 4.0, 0.2, written=2.7).at_least_seconds, 4.0 - 2.7)
    # What is taken at the end of a stall may have come at its beginning.
    assert stalls.gap(2.501, 4.0, written=1.0)[:2] == (2.0, 4.0)


def test_short_stalls_do_not_part_what_goes_on_before_and_after_them() -> None:
    """A server that refuses for 8 s, and a generator that is late by 10 ms ten times a second."""
    late = [(20.0 + place / 10, 20.01 + place / 10) for place in range(80)]
    found = noted(*late).gap(20.0, 28.0)
    assert found.seconds == 8.0
    assert np.isclose(found.at_least_seconds, 8.0 - 80 * 0.01)
    assert np.isclose(found.clipped(21.0, 23.0).at_least_seconds, 2.0 - 20 * 0.01)
    # In a longer one the server might have come back.
    longer = noted(*late[:40], (24.0, 24.0 + BRIDGED_SECONDS), *late[41:]).gap(20.0, 28.0)
    assert np.isclose(longer.at_least_seconds, 4.0 - 40 * 0.01, atol=0.011)
    # So it might in two that follow each other at once.
    twice = noted((22.0, 22.03), (22.03, 22.06)).gap(20.0, 24.0)
    assert np.isclose(twice.at_least_seconds, 2.0)


def test_what_nobody_looked_at_is_not_sure() -> None:
    assert Gap(1.0, 2.0).unseen_until(9.0) == Gap(1.0, 9.0, ((2.0, 9.0),))
    assert Gap(1.0, 2.0).unseen_until(9.0).at_least_seconds == 1.0


spans = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.5)), max_size=12)


@given(spans, st.floats(0.0, 10.0), st.floats(0.011, 5.0))
def test_a_gap_is_at_least_what_is_left_and_at_most_all(
    pauses: list[tuple[float, float]], start: float, length: float
) -> None:
    stalls, at = Stalls(), 0.0
    for pause, stall in pauses:
        stalls.note(at + pause, at + pause + stall)
        at += pause + stall
    found = stalls.gap(start, start + length)
    assert 0.0 <= found.at_least_seconds <= found.seconds + 1e-9
    edges = [found.start, *(edge for part in found.unseen for edge in part), found.end]
    assert edges == sorted(edges)
    inside = found.clipped(start + length / 4, start + length / 2)
    assert inside.at_least_seconds <= found.at_least_seconds + 1e-9


@given(spans, st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 5.0)), min_size=1, max_size=20))
def test_a_duration_is_at_least_what_it_took_outside_of_stalls(
    pauses: list[tuple[float, float]], operations: list[tuple[float, float]]
) -> None:
    stalls, at = Stalls(), 0.0
    for pause, stall in pauses:
        stalls.note(at + pause, at + pause + stall)
        at += pause + stall
    due = np.array([start for start, _ in operations])
    ended = due + np.array([took for _, took in operations])
    noted = stalls.take()
    overlaps = np.array(
        [
            sum(max(0.0, min(end, until) - max(start, since)) for since, until in noted)
            for start, end in zip(due.tolist(), ended.tolist(), strict=True)
        ]
    )
    found = stalls.at_least(due, ended)
    if found is None:
        assert not overlaps.any()
        return
    touched, seconds = found
    assert not overlaps[~touched].any()
    assert (seconds >= 0.0).all()
    assert (seconds <= (ended - due - overlaps)[touched] + 1e-9).all()


def test_stalls_of_several_workers_at_one_moment_are_one() -> None:
    assert united([(3.0, 4.0), (1.0, 2.0), (1.5, 2.5), (2.5, 2.75)]) == [(1.0, 2.75), (3.0, 4.0)]
    assert united([]) == []
