import json

import pytest

from redis_rehearsal.clock import WallClock
from redis_rehearsal.document.base import as_json
from redis_rehearsal.migration.context import iso
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.migration_document import MOST_WINDOWS, downtime_document
from redis_rehearsal.report.summary import summary
from redis_rehearsal.report.terminal import Status
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import Reconciliation
from tests.support import adds_up
from tests.unit.report.made import view

REFUSED = Cause.COUNTERS_UNREAD.because(error="connection refused")


def test_workers_are_added_up_and_the_warm_up_is_left_out() -> None:
    document = as_json(make_document(view()))
    assert document["totals"]["queries"] == {
        "offered": 1004,
        "ok": 1000,
        "failed": 4,
        "unknown": 0,
        "shed": 0,
        "in_flight": 0,
    }
    assert adds_up(document["totals"]["events"])
    assert document["rates"] == {"queries_per_second": 100.0, "events_per_second": 8.0}
    assert (document["duration_seconds"], document["warmup_seconds"]) == (10.0, 1.0)
    assert document["cache"]["hit_ratio"] == pytest.approx(860 / 900)
    response = document["latency"]["queries"]["response_seconds"]
    assert response["p50"] == pytest.approx(0.0015, rel=0.008)
    # Checks, rows and failures cover the whole load.
    assert document["checks"]["wrong"] == 2
    assert document["database"]["rows_written"] == 20


def test_it_is_json_and_holds_no_secret() -> None:
    text = json.dumps(as_json(make_document(view())))
    assert "geheim" not in text


def test_a_ledger_that_could_not_be_compared_claims_nothing() -> None:
    made = view()
    made.audit = Audit(error=REFUSED)
    ledger = as_json(make_document(made).ledger)
    assert [ledger[name] for name in ("lost", "lost_at_most", "duplicated", "duplicated_at_most")] == [None] * 4
    assert "could not be compared" in summary(make_document(made))
    # What was found stands, whatever could not be read.
    made.audit = Audit(Reconciliation(lost=2, lost_at_most=2, unverified_counters=1), error=REFUSED)
    ledger = as_json(make_document(made).ledger)
    assert [ledger[name] for name in ("lost", "lost_at_most", "duplicated", "stranded")] == [2, None, None, None]


def test_a_lost_worker_makes_it_incomplete() -> None:
    made = view()
    assert make_document(made).complete is True
    made.workers_lost = 1
    assert make_document(made).complete is False


def test_the_summary_and_the_line_name_the_figures() -> None:
    made = view()
    text = summary(make_document(made))
    for part in ("100.0/s ok", "1,004 offered", "p50 1.50", "hit ratio 95.56%", "90 acknowledged, 2 unknown"):
        assert part in text
    made.totals.close()
    assert "not ok 6" in Status(made).line()


def test_of_the_token_only_its_presence_is_shown() -> None:
    assert make_document(view()).settings["control_token"] == "given"


def test_of_many_windows_of_downtime_the_longest_are_listed_in_order() -> None:
    stretches = tuple((float(at), at + (at % 7 + 1) / 8) for at in range(150))
    found = Downtime(0.875, 75.0, 6.0, 0.0, stretches=stretches)
    clock = WallClock.start()
    document = as_json(downtime_document(found, clock))
    assert document["windows_found"] == 150
    assert len(document["windows"]) == MOST_WINDOWS == 100
    assert document["windows"] == sorted(document["windows"], key=lambda window: window["from"])
    assert min(window["seconds"] for window in document["windows"]) == 0.375
    assert document["windows"][0] == {"from": iso(clock.at(2.0)), "seconds": 0.375}
    assert downtime_document(None, clock).windows is None
    assert downtime_document(Downtime(None, None), clock).windows is None
    assert downtime_document(Downtime(0.0, 0.0), clock).windows == []
