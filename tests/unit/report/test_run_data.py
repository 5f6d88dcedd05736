from pathlib import Path

import orjson

from redis_rehearsal.fleet.row import Second, Segment
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.files import ALL, write_reports
from redis_rehearsal.report.html import render_html
from redis_rehearsal.report.run_data import PERCENTILES, RunData, percentiles_of, write_percentiles
from redis_rehearsal.view.run_view import RunView
from tests.unit.report.made import tally, view, whole


def with_seconds(directory: Path) -> RunView:
    made = view()
    # The same phase twice, with another between, is two.
    made.segments = lambda: [Segment("load", 0, 100.0), Segment("cutover", 1, 101.0), Segment("load", 2, 105.0)]
    made.timeline.write_to(directory / "timeline.csv")
    for number in range(3):
        made.timeline.add(
            Second(number, tally(7, failed=2, hits=5, misses=1), tally(3), snapshots=2, cpu_ratio=1 / 3, saturated=True)
        )
    made.timeline.add(Second(3))
    made.timeline.close()
    return made


def test_a_report_made_later_from_the_directory_is_the_one_made_at_once(tmp_path: Path) -> None:
    made = with_seconds(tmp_path)
    write_percentiles(made, tmp_path)
    now = RunData.of(made)
    later = RunData.read(tmp_path, orjson.loads(encode(now.document)))
    assert now.percentiles == later.percentiles
    assert [dict(row) for row in later.rows] == [
        {k: v if v != "" else None for k, v in row.items()} for row in now.rows
    ]
    assert render_html(now.document, now.rows, now.percentiles) == render_html(
        later.document, later.rows, later.percentiles
    )


def test_every_phase_has_its_percentiles(tmp_path: Path) -> None:
    made = with_seconds(tmp_path)
    found = percentiles_of(made)
    assert {each.phase for each in found} == {"load", "cutover"}
    assert {(each.kind, each.clock) for each in found} == {
        (kind, clock) for kind in ("queries", "events") for clock in ("response", "service", "lag")
    }
    last = [
        each for each in found if (each.phase, each.kind, each.clock, each.quantile) == ("cutover", "queries", "lag", 1)
    ]
    assert [(each.seconds, each.count) for each in last] == [(0.0005, 1000)]
    made.totals.counts.recorded_queries.tallies[2] = made.totals.counts.recorded_queries.tallies[1]
    assert "load 2" in {each.phase for each in percentiles_of(made)}


def test_a_directory_without_them_has_none(tmp_path: Path) -> None:
    assert RunData.read(tmp_path, {}) == RunData(whole({}), [], [], {})
    (tmp_path / PERCENTILES).write_bytes(b'\xff\x00,\n"' + b"x" * 200_000)
    assert render_html(whole({}), (), RunData.read(tmp_path, {}).percentiles)


def test_all_formats_are_left_and_no_part_of_one(tmp_path: Path) -> None:
    write_reports(RunData.of(view()), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.md", "report.txt"} < set(ALL)
