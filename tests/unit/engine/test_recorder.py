import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.recorder import Recorder

operations = st.lists(
    st.tuples(st.floats(0, 10), st.sampled_from(Outcome), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60
)


@given(operations, st.lists(st.floats(0.1, 9.9), max_size=3, unique=True).map(sorted), st.integers(1, 60))
def test_every_operation_is_in_the_segment_of_its_intended_start(
    done: list[tuple[float, Outcome, float, float]], boundaries: list[float], taken_after: int
) -> None:
    done = sorted(done)
    recorder = Recorder()
    for boundary in boundaries:
        recorder.add_boundary(boundary)
    totals = [Tally() for _ in range(len(boundaries) + 1)]
    recorder.offer([operation[0] for operation in done])
    for number, (intended, outcome, lag, service) in enumerate(done):
        recorder.record(outcome, [intended], intended + lag, intended + lag + service)
        if number == taken_after:
            for part, taken in recorder.take().items():
                totals[part].merge(taken)
    for part, taken in recorder.take().items():
        totals[part].merge(taken)
    for segment, total in enumerate(totals):
        low = boundaries[segment - 1] if segment else 0.0
        high = boundaries[segment] if segment < len(boundaries) else float("inf")
        here = [operation for operation in done if low <= operation[0] < high]
        assert total.offered == len(here)
        assert total.in_flight == 0
        for outcome in Outcome:
            assert total.outcomes[outcome] == sum(operation[1] is outcome for operation in here)
        ok = [operation for operation in here if operation[1] is Outcome.OK]
        for histogram, durations in (
            (total.lag, [lag for _, _, lag, _ in ok]),
            (total.service, [service for *_, service in ok]),
            (total.response, [lag + service for *_, lag, service in ok]),
        ):
            assert histogram.count == len(ok)
            assert abs(histogram.sum_seconds - sum(durations)) < 1e-6
            assert abs(histogram.max_seconds - max(durations, default=0.0)) < 1e-6


def test_a_reply_to_many_is_recorded_for_each() -> None:
    recorder = Recorder()
    recorder.offer([1.0, 1.1, 1.2])
    recorder.record(Outcome.OK, [1.0, 1.1, 1.2], 1.3, 1.5)
    (tally,) = recorder.take().values()
    assert tally.response.count == 3
    assert np.isclose(tally.response.sum_seconds, 0.5 + 0.4 + 0.3)
    assert np.isclose(tally.lag.max_seconds, 0.3)
    assert np.isclose(tally.service.sum_seconds, 0.6)
