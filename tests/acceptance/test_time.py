"""What it cost in time: what servers did counts, and what the generator slept through does not."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import require_failed, require_passed
from tests.acceptance.rehearsing import criteria, judged, until_phase
from tests.conftest import MakeServer
from tests.proxy import Proxy
from tests.support import Command, command, wait_for

pytestmark = [pytest.mark.matrix, pytest.mark.alone]
LOAD = {"EVENTS_PER_SECOND": "300", "QUERIES_PER_SECOND": "300"}
COPY = ("rehearse", "--strategy", "copy", "--baseline", "5s", "--observe", "10s", "--allow-server-wide")


def seconds_of(run: Command) -> int:
    return len(json.loads(run.get("/api/timeline")[1]))


def until_later(run: Command, seconds: int) -> None:
    """Wait until so many more seconds of the load are over."""
    until = seconds_of(run) + seconds
    wait_for(lambda: seconds_of(run) >= until, "some seconds of load")


def worker_of(run: Command) -> psutil.Process:
    (worker,) = (each for each in run.children() if "redis_rehearsal.engine.worker" in each.cmdline())
    return worker


def test_a_worker_that_stood_still_is_no_downtime_of_the_servers(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= LOAD
    with command(tmp_path, *COPY, **given) as run:
        until_phase(run, "recovery")
        until_later(run, 4)
        worker = worker_of(run)
        worker.send_signal(signal.SIGSTOP)
        # How long it is stopped is what is made to happen.
        time.sleep(0.8)
        worker.send_signal(signal.SIGCONT)
        document = judged(run)
    for kind in ("query", "event"):
        assert criteria(document)[f"{kind}_downtime"]["status"] == "unknown"
    for kind in ("queries", "events"):
        found = document["downtime"][kind]
        assert found["longest_at_least_seconds"] < 0.25 < 0.7 < found["longest_at_most_seconds"]
    assert document["generator"]["stalled_seconds"] > 0.7
    assert document["verdict"]["status"] == "unknown"


def test_what_is_silent_when_it_is_judged_is_down(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with Proxy(fresh_target.port) as proxy:
        # None times out before it is too late for the recovery: a connection that is opened then would answer.
        given |= {"TARGET_REDIS_URL": proxy.url, "OPERATION_TIMEOUT": "60s", **LOAD}
        with command(tmp_path, "run", **given) as run:
            run.until_running()
            body = {"strategy": "copy", "baseline": 5, "observe": 8, "max_recovery": 10, "allow_server_wide": True}
            code, said = run.post("/api/migrations", body)
            assert code < 300, said
            until_phase(run, "recovery")
            until_later(run, 5)

            def verdict() -> Any:
                return json.loads(run.get("/api/migrations")[1])[-1]["verdict"]

            with proxy.holding(lambda link: link.name.endswith(("reads", "writes"))) as held:
                assert held > 0
                found = wait_for(verdict, "a verdict", 60)
            run.interrupt()
            run.wait()
            document = run.stats_left()
    statuses = {each["name"]: each["status"] for each in found["criteria"]}
    assert statuses["query_downtime"] == statuses["event_downtime"] == "failed"
    for kind in ("queries", "events"):
        assert document["downtime"][kind]["unfinished"]
        assert document["downtime"][kind]["longest_at_least_seconds"] > 1.0


def test_writes_that_are_slower_for_good_are_seen(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with Proxy(fresh_target.port) as proxy:
        proxy.delay = lambda link: 0.5 if link.name.endswith("writes") else 0.0
        given |= {"TARGET_REDIS_URL": proxy.url, **LOAD}
        # Limits of ours, since those that come of the baseline are wider on a machine that is slow itself.
        limits = ("--max-recovery", "20s", "--max-event-cutover-p99", "100ms", "--max-query-downtime", "2s")
        with command(tmp_path, *COPY, *limits, **given) as run:
            document = judged(run)
    found = criteria(document)
    require_failed(found["event_cutover_p99"])
    assert found["event_cutover_p99"]["measured"] >= 0.5
    # The load goes on until it is known, which it is not where the generator is the bottleneck.
    require_failed(found["recovery"])
    assert document["recovery"]["measures"]["event_p99"] is None
    # An answer comes all the time, late.
    require_passed(found["query_downtime"])


def test_what_is_slow_after_the_switch_is_the_cutovers_however_long_it_sweeps(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    slow_seconds = 0.3
    with Proxy(fresh_target.port) as proxy:
        given |= {"TARGET_REDIS_URL": proxy.url, **LOAD}
        sweeping = ("rehearse", "--strategy", "fallback", "--copy-rate", "30", "--baseline", "5s", "--observe", "10s")
        limits = ("--max-sync-p99", "10s", "--max-cutover-p99", "100ms", "--max-event-cutover-p99", "1s")
        with command(tmp_path, *sweeping, "--allow-server-wide", *limits, **given) as run:
            until_phase(run, "sync")
            proxy.delay = lambda link: slow_seconds if link.name.endswith("reads") else 0.0
            until_later(run, 3)
            proxy.delay = lambda link: 0.0
            document = judged(run)
    phases = {each["name"]: each["duration_seconds"] for each in document["phases"]}
    assert list(phases)[-4:] == ["cutover", "sync", "recovery", "done"]
    # All that was slow was so while it swept, and the sweep outlasted what is the cutover's.
    assert phases["sync"] > 5
    found = criteria(document)
    require_failed(found["cutover_p99"])
    assert found["cutover_p99"]["measured"] >= slow_seconds
    require_passed(found["event_cutover_p99"])
    # Neither before the switch nor in what is left of the sweep was anything slow.
    assert found["sync_p99"]["measured"] < slow_seconds


def test_a_load_that_was_slower_for_a_while_cannot_tell_what_was_down_then(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    rates = {"queries_per_second": 300, "events_per_second": 300}
    with Proxy(fresh_target.port) as proxy:
        given |= {"TARGET_REDIS_URL": proxy.url, **LOAD}
        with command(tmp_path, "run", **given) as run:

            def change(body: dict[str, Any]) -> None:
                code, said = run.post("/control", body, "PATCH")
                assert code == 200, said

            run.until_running()
            code, said = run.post("/api/migrations", {"strategy": "copy", "baseline": 5, "observe": 14})
            assert code < 300, said
            until_phase(run, "recovery")
            until_later(run, 2)
            change(dict.fromkeys(rates, 0.5))
            until_later(run, 1)
            for _ in range(3):
                with proxy.holding(lambda link: link.name.endswith(("reads", "writes"))) as held:
                    assert held > 0
                    # How long it is silent is what is made to happen.
                    time.sleep(0.7)
                until_later(run, 1)
            change(rates)

            def verdict() -> Any:
                return json.loads(run.get("/api/migrations")[1])[-1]["verdict"]

            found = {each["name"]: each for each in wait_for(verdict, "a verdict", 120)["criteria"]}
            run.interrupt()
            run.wait()
    for kind in ("query", "event"):
        assert found[f"{kind}_downtime"]["status"] == "unknown"
        assert found[f"{kind}_downtime"]["measured"] is None
        # At that time as much was due as always.
        assert found[f"sync_{kind}_downtime"]["measured"] is not None


def test_connections_that_are_silent_while_it_copies_are_seen(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, fresh_target: RedisServer
) -> None:
    old = make_server()
    with Proxy(old.port) as proxy:
        # It is ended long before its operations time out, so that none fails.
        given |= {"REDIS_URL": proxy.url, "OPERATION_TIMEOUT": "30s", **LOAD}
        limits = ("--max-sync-p99", "200ms", "--max-sync-downtime", "1s", "--max-cutover-p99", "1s")
        with command(tmp_path, *COPY, "--copy-rate", "50", *limits, **given) as run:
            until_phase(run, "sync")
            one = next(link for link in proxy.links if link.name.endswith("reads"))
            with proxy.holding(lambda link: link is one) as held:
                assert held == 1
                until_later(run, 3)
            document = judged(run)
    found = criteria(document)
    require_failed(found["sync_p99"])
    # More than one in a hundred waited for a second, whatever the generator did besides.
    assert found["sync_p99"]["measured"] > 1.0
    require_passed(found["failed_queries"])
    require_passed(found["sync_query_downtime"])
    require_passed(found["cutover_p99"])
