"""One more event type, kind of query, strategy and criterion, each in the one place that CONTRIBUTING names."""

import csv
import shutil
from pathlib import Path
from typing import Any

import redis_rehearsal
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import counters
from tests.acceptance.with_plugins import rehearse_paused
from tests.plugins import CRITERION, STRATEGY
from tests.support import command, wait_for

QUIET_PAGES = """    "quiet_pages": ReportQuery(
        "SELECT page, sum(events)::bigint AS events "
        f"FROM analytics.hourly_pages {_WHERE} AND $4::integer >> page & 1 = 1 "
        "GROUP BY page ORDER BY events, page LIMIT 12",
        _top_pages,
        by_pages=True,
    ),
"""


def copied_package(place: Path) -> Path:
    """A copy of the package."""
    package = place / "redis_rehearsal"
    shutil.copytree(Path(redis_rehearsal.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def changed_package(place: Path) -> Path:
    """A copy of the package that has one of each more."""
    package = copied_package(place)
    for name, before, after in (
        (
            "workload/events.py",
            'EventType("page_view", 0.60),',
            'EventType("page_view", 0.40),',
        ),
        (
            "workload/events.py",
            'EventType("purchase", 0.005, invalidates=True),',
            'EventType("purchase", 0.005, invalidates=True),\n    EventType("refund", 0.20),',
        ),
        ("workload/queries.py", 'QueryKind("overview", 0.175,', 'QueryKind("overview", 0.075,'),
        (
            "workload/queries.py",
            'QueryKind("real_time",',
            'QueryKind("quiet_pages", 0.10, suited=("set",)),\n    QueryKind("real_time",',
        ),
        (
            "database/reports.py",
            '    "event_distribution": ReportQuery(',
            QUIET_PAGES + '    "event_distribution": ReportQuery(',
        ),
    ):
        path = package / name
        text = path.read_text()
        assert text.count(before) == 1, (name, before)
        path.write_text(text.replace(before, after))
    return place


def test_one_more_of_each_is_seen_through(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    given |= {"REDIS_DATA_TYPE": "mixed", "EVENTS_PER_SECOND": "300"}
    with command(tmp_path, "run", PYTHONPATH=str(changed_package(tmp_path / "changed")), **given) as run:
        run.until_running(300)
        wait_for(lambda: run.stats()["totals"]["events"]["ok"] > 600, "events")
        run.interrupt()
        document = run.document()
    refunds = document["events_by_type"]["refund"]
    assert refunds > 50
    assert sum(document["events_by_type"].values()) == document["totals"]["events"]["offered"]
    assert sum(int(client.get(key)) for key in client.scan_iter("rehearsal:count:*:refund:*")) == refunds
    assert counters(client) == document["ledger"]["acknowledged"]
    assert [document["ledger"][name] for name in ("lost", "duplicated", "unknown")] == [0, 0, 0]
    assert document["database"]["rows_written"] == document["totals"]["events"]["offered"]
    reports = list(client.scan_iter("rehearsal:report:*:quiet_pages*"))
    assert reports
    assert {client.type(key) for key in reports} == {b"set"}
    assert document["checks"]["wrong"] == 0 < document["checks"]["reports_checked"]
    (path,) = tmp_path.glob("runs/*/timeline.csv")
    with path.open() as rows:
        assert sum(int(row["events_refund"]) for row in csv.DictReader(rows)) == refunds


def test_one_more_strategy_and_criterion_are_a_file_each(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    place = tmp_path / "changed"
    package = copied_package(place)
    shutil.copy(STRATEGY, package / "migration" / "strategies" / "paused.py")
    shutil.copy(CRITERION, package / "migration" / "criteria" / "freeze.py")
    rehearse_paused(tmp_path, given | {"PYTHONPATH": str(place)}, source, fresh_target)
