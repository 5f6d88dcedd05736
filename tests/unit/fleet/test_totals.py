import csv
from dataclasses import replace
from pathlib import Path

import pytest

from redis_rehearsal.fleet.row import Label, Second
from redis_rehearsal.fleet.timeline import Timeline
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
    assert {key: histogram.count for key, histogram in totals.counts.operations.items()} == {
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


def test_a_second_that_is_over_stays_the_one_that_it_was() -> None:
    closed: list[int] = []
    late: list[tuple[int, int]] = []
    totals = Totals()
    totals.on_second = lambda second: closed.append(second.number)
    totals.on_late = lambda second: late.append((second.number, second.queries.offered))

    def reports(worker: int, second: int) -> None:
        totals.add(replace(snapshot(worker, [tally(1)], [tally(1)]), second=second))

    reports(1, 0)
    for second in range(9):
        reports(0, second)
    one = totals.counts.recorded_queries.tallies[0].offered // 10
    # The other worker was silent for seconds, and tells of them when they are over.
    reports(1, 1)
    reports(1, 2)
    assert closed == sorted(set(closed)) == list(range(closed[-1] + 1))
    assert late == [(1, 2 * one), (2, 2 * one)]
    totals.close()
    assert closed == list(range(9))
    assert totals.counts.recorded_queries.tallies[0].offered == 12 * one
    assert totals.late_snapshots == 0
    for second in range(9, 40):
        reports(0, second)
    reports(1, 3)
    assert totals.late_snapshots == 1
    assert closed.count(3) == 1
    # Too late for its second, which stays what the others told of it.
    assert late == [(1, 2 * one), (2, 2 * one)]


def test_the_file_of_a_timeline_has_what_came_late(tmp_path: Path) -> None:
    timeline = Timeline(float, lambda _: Label("load"), lambda second: "server-changed: source" if second == 1 else "")
    timeline.write_to(tmp_path / "timeline.csv")
    for number in range(3):
        timeline.add(Second(number, tally(1)))
    more = Second(1, tally(1))
    more.queries.merge(tally(1))
    timeline.amend(more)
    timeline.close()
    with (tmp_path / "timeline.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["second"] for row in rows] == ["0", "1", "2"]
    assert int(rows[1]["queries_ok"]) == 2 * int(rows[0]["queries_ok"])
    assert [row["annotations"] for row in rows] == ["", "server-changed: source", ""]


@pytest.mark.parametrize(
    ("last", "now", "unseen"), [(8.0, 12.5, True), (9.9, 12.5, True), (9.9, 12.0, False), (10.4, 14.0, False)]
)
def test_what_a_worker_that_is_silent_did_since_is_not_known(last: float, now: float, unseen: bool) -> None:
    """Of ten seconds that count, judged later: whoever was heard of after them has told of them all."""
    totals = Totals()
    totals.add(replace(snapshot(0, [tally(1)], [tally(1)]), at_seconds=last, open_query_gap=None))
    queries, _ = totals.gaps_until(10.0, now)
    assert [(gap.start, gap.end) for gap in queries] == ([(last, 10.0)] if unseen else [])
