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


def test_operations_of_all_workers_add_up_by_server() -> None:
    totals = Totals()
    for worker in (0, 1):
        totals.add(snapshot(worker, [tally(1)], [tally(1)]))
    totals.close()
    assert {key: histogram.count for key, histogram in totals.operations.items()} == {
        ("source", "read"): 100,
        ("source", "increment"): 20,
    }
    second = totals.recent[-1]
    assert (second.operations_of("source"), second.operations_of("target")) == (120, 0)
    assert sum(second.active_organizations.values()) == totals.active_organizations == 8


def test_the_busiest_worker_counts() -> None:
    totals = Totals()
    totals.add(snapshot(0, [tally(1)], [tally(1)], cpu_seconds=0.8))
    totals.add(snapshot(1, [tally(1)], [tally(1)], cpu_seconds=0.2))
    assert totals.cpu_ratio == pytest.approx(0.8)
