"""What the workload explains of reports that differ between two servers, and what it does not."""

import threading
import time

import pytest
import redis

from redis_rehearsal.coordinator.comparing import AfterCutover
from redis_rehearsal.verification.compare.classify import Difference
from tests.integration.coordinator.pair import KEYS, NOTHING, Pair, only
from tests.support import wait_for


@pytest.mark.parametrize("data_type", ["string", "list"])
def test_reports_are_explained_by_when_they_were_computed(pair: Pair, data_type: str) -> None:
    now = time.time()
    pair.report(pair.old, "hourly_series", data_type, now - 60)
    pair.report(pair.new, "hourly_series", data_type, now + 1)
    pair.report(pair.new, "top_pages", data_type, now + 1)
    assert pair.compared().counts == NOTHING
    # Another value that is no newer, and a damaged one that looks new.
    pair.report(pair.old, "overview", data_type, now - 60)
    pair.report(pair.new, "overview", data_type, now - 50)
    damaged = pair.report(pair.new, "event_distribution", data_type, now + 1)
    if data_type == "string":
        pair.new.append(damaged, "x")
    else:
        pair.new.rpush(damaged, "x")
    assert pair.compared().counts == only(value=1, extra=1)


def test_a_report_is_missing_for_a_reason_only_where_an_event_deleted_it(pair: Pair) -> None:
    for kind in ("overview", "event_distribution", "top_pages"):
        pair.report(pair.old, kind, "string", time.time() - 60)
    pair.deleted = {2}
    assert pair.compared().counts == only(missing=3)
    pair.deleted = {1}
    assert pair.compared().counts == only(missing=1)  # events delete no top pages
    pair.deleted, pair.rows_complete = set(), False
    found = pair.compared()
    assert found.counts == only(missing=1)
    assert found.unreadable.startswith("2 reports that only one server has may have been deleted")


def test_a_miss_of_before_the_cutover_may_have_been_stored_after_it(pair: Pair) -> None:
    pair.operation_timeout, at = 2.0, pair.cutover_seconds
    pair.report(pair.new, "top_pages", "string", at - 1)
    pair.report(pair.old, "daily", "string", at - 60)
    pair.report(pair.new, "daily", "string", at - 1)
    assert pair.compared().counts == NOTHING
    # Longer before than a query may take; and an older one than the source has.
    pair.report(pair.new, "top_pages", "string", at - 3)
    pair.report(pair.old, "daily", "string", at - 0.5)
    assert pair.compared().counts == only(extra=1, value=1)


def test_of_one_that_an_event_may_have_deleted_nobody_knows(pair: Pair) -> None:
    pair.operation_timeout = 2.0
    pair.report(pair.new, "overview", "string", pair.cutover_seconds - 1)
    found = pair.compared()
    assert (found.counts, found.unreadable) == (NOTHING, "")
    pair.deleted = {1}
    found = pair.compared()
    assert (found.counts, found.benign_reasons) == (NOTHING, {})
    assert found.unreadable.startswith("1 reports that only one server has may have been deleted")


@pytest.mark.parametrize(("before_seconds", "known"), [(1.5, True), (0.5, False), (-0.5, False)])
def test_what_was_deleted_well_before_it_was_computed_says_nothing_of_it(
    pair: Pair, before_seconds: float, known: bool
) -> None:
    pair.operation_timeout, computed_at = 2.0, pair.cutover_seconds - 1
    pair.report(pair.new, "overview", "string", computed_at)
    pair.deleted, pair.deleted_at = {1}, computed_at - before_seconds
    found = pair.compared()
    assert (found.counts, found.unreadable == "") == (NOTHING, known)


def test_one_that_the_application_itself_stored_late_is_what_it_would_be_on_one_server(pair: Pair) -> None:
    pair.operation_timeout, computed_at = 2.0, pair.cutover_seconds - 1
    key = pair.report(pair.new, "overview", "string", computed_at)
    pair.deleted, computed_ms = {1}, int(computed_at * 1000)
    for other in ((key, computed_ms - 1), (f"{key}0", computed_ms)):
        pair.stored_late = {other}
        assert pair.compared().unreadable.startswith("1 reports")
    pair.stored_late.add((key, computed_ms))
    found = pair.compared()
    assert (found.counts, found.unreadable) == (NOTHING, "")
    # Longer ago than a query may take.
    pair.operation_timeout = 0.5
    assert pair.compared().counts == only(extra=1)


def test_a_report_may_live_longer_within_the_limit_of_the_drift(pair: Pair) -> None:
    at = time.time() - 60
    for client, left in ((pair.old, 200_000), (pair.new, 201_500)):
        client.pexpire(pair.report(client, "overview", "string", at), left)
    found = pair.compared()
    assert (found.counts, found.drift.count) == (NOTHING, 1)
    assert pair.compared(drift_seconds=0.5).counts == only(ttl=1)
    pair.new.pexpire(KEYS.report("1:overview"), 260_000)
    found = pair.compared()
    assert (found.counts, found.drift.count) == (only(ttl=1), 1)
    assert 50 < (found.drift.max_seconds or 0) < 65


def test_a_report_that_got_there_late_expires_there_later_by_no_more_than_the_limit(pair: Pair) -> None:
    at = time.time() - 60
    # Until it was seen to be gone it is there on one server only, whatever times to live may be apart by.
    for kind, left in (("top_pages", 60_000), ("daily", 1_500)):
        pair.new.pexpire(pair.report(pair.new, kind, "string", at), left)
    found = pair.compared(drift_seconds=90.0)
    assert (found.counts, found.benign_reasons) == (only(extra=1), {"expired": 1})


def test_what_is_renewed_and_was_never_copied_is_missing_however_soon_it_would_expire(pair: Pair) -> None:
    ended = threading.Event()
    sessions = [f"{KEYS.prefix}session:{number}" for number in range(50)]

    def renew() -> None:
        with redis.Redis(port=pair.servers[0].port) as client:
            while not ended.is_set():
                pipe = client.pipeline(transaction=False)
                for session in sessions:
                    pipe.set(session, "x", px=1_900)
                pipe.execute()
                ended.wait(0.05)

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        wait_for(lambda: pair.old.exists(sessions[-1]), "the sessions")
        found = pair.compared()
    finally:
        ended.set()
        renewing.join()
    assert (found.counts, found.benign_reasons) == (only(missing=50), {})


def test_a_report_that_goes_while_it_is_explained_had_run_out_or_an_event_deleted_it(pair: Pair) -> None:
    class Vanishing(AfterCutover):
        def explain(self, difference: Difference) -> str | None:
            reason = super().explain(difference)
            pair.new.delete(difference.key)
            return reason

    for kind in ("overview", "top_pages"):
        pair.report(pair.new, kind, "string", time.time() + 1)
    pair.deleted = {1}
    found = pair.compared(after_cutover=Vanishing)
    assert found.counts == only(extra=1)  # no event deletes top pages
    # Nor need it: this one runs out a moment after its time to live was asked for.
    soon = pair.report(pair.new, "top_pages", "string", time.time() + 1)
    pair.new.pexpire(soon, 4_300)

    class Waiting(AfterCutover):
        def explain(self, difference: Difference) -> str | None:
            wait_for(lambda: not pair.new.exists(difference.key), "its end")
            return super().explain(difference)

    assert pair.compared(after_cutover=Waiting).counts == NOTHING
    pair.verified.discard(pair.counter(2, 10, 1))
    pair.counter(1, 10, 1)  # which the ledger verified, and which is not to expire yet
    assert pair.compared(after_cutover=Vanishing).counts == only(value=2)
