import pytest

from redis_rehearsal.fleet.totals import Totals
from tests.unit.report.made import snapshot, tally


@pytest.mark.parametrize(
    ("cpu_seconds", "late_seconds", "saturated"), [(0.5, 0.0, False), (0.95, 0.0, True), (0.1, 0.02, True)]
)
def test_a_generator_that_is_the_bottleneck_says_so(
    cpu_seconds: float, late_seconds: float, *, saturated: bool
) -> None:
    totals = Totals()
    for _ in range(10):
        totals.add(snapshot(0, [tally(1)], [tally(1)], cpu_seconds=cpu_seconds, late_seconds=late_seconds))
    assert totals.saturated is saturated


def test_one_bad_second_of_many_does_not_condemn_a_run() -> None:
    totals = Totals()
    for number in range(40):
        totals.add(snapshot(0, [tally(1)], [tally(1)], cpu_seconds=0.99 if number == 3 else 0.2))
    assert totals.saturated_seconds == 1
    assert not totals.saturated


def test_the_busiest_worker_counts() -> None:
    totals = Totals()
    totals.add(snapshot(0, [tally(1)], [tally(1)], cpu_seconds=0.8))
    totals.add(snapshot(1, [tally(1)], [tally(1)], cpu_seconds=0.2))
    assert totals.cpu_ratio == pytest.approx(0.8)
