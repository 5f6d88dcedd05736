"""What must survive: servers that die, freeze and come back."""

import json
import re
import signal
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import counters, events_in, statement
from tests.conftest import MakeServer
from tests.support import adds_up, command, wait_for


@pytest.mark.parametrize("durable", [pytest.param(False, marks=pytest.mark.matrix), True])
@pytest.mark.matrix
def test_a_source_that_is_killed_and_comes_back(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, *, durable: bool
) -> None:
    server = make_server(*(("--appendonly", "yes", "--appendfsync", "always") if durable else ()))
    given["REDIS_URL"] = server.url
    with command(tmp_path, "run", **given) as run:
        run.until_running(1_000)
        server.kill()
        # There is no connection: operations fail at once, and do not wait for one.
        wait_for(lambda: run.stats()["failures"]["queries"].get("no connection", 0) > 200, "failed queries")
        server.start()
        ok = run.ok_queries()
        wait_for(lambda: run.ok_queries() > ok + 1_000, "queries after the return")
        run.interrupt()
        document = run.document()
    with redis.Redis(port=server.port, protocol=2) as client:
        final = counters(client)
    ledger, events, queries = document["ledger"], document["totals"]["events"], document["totals"]["queries"]
    assert adds_up(events)
    assert adds_up(queries)
    assert events["in_flight"] == queries["in_flight"] == queries["unknown"] == 0
    assert events["failed"] > 0
    assert ledger["acknowledged"] == events["ok"]
    assert ledger["unknown"] == events["unknown"]
    if durable:
        assert ledger["lost"] == 0
        assert ledger["acknowledged"] <= final <= ledger["acknowledged"] + ledger["unknown"]
    else:
        # What it held when it died is gone, and what it holds now was acknowledged since.
        assert ledger["lost"] == ledger["acknowledged"] - final > 0
    assert ledger["duplicated"] == 0
    assert document["database"]["rows_written"] == events["offered"]


def test_a_source_that_freezes_shows_as_users_would_see_it(
    tmp_path: Path, given: dict[str, str], source: RedisServer, client: Any
) -> None:
    given |= {"QUERIES_PER_SECOND": "2000", "ARRIVALS": "constant"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(2_000)
        frozen = psutil.Process(source.pid)
        before = run.stats()["totals"]["queries"]["offered"]
        frozen.suspend()
        # By the generator's own schedule, so that a slow machine does not change what is due meanwhile.
        wait_for(lambda: run.stats()["totals"]["queries"]["offered"] >= before + 5_000, "2.5 s of arrivals")
        frozen.resume()
        wait_for(lambda: run.ok_queries() > before + 6_000, "queries after the freeze")
        exposition = run.get("/metrics")[1]
        run.interrupt()
        document = run.document()
    totals = document["totals"]
    for counts in totals.values():
        assert adds_up(counts)
        assert [counts[name] for name in ("failed", "unknown", "shed", "in_flight")] == [0, 0, 0, 0]
    # A closed loop would have had 500 slow queries at the most; users had one for every arrival of the stall.
    at_most = re.search(r'rehearsal_queries_response_seconds_bucket\{le="0.5"\} (\S+)', exposition)
    count = re.search(r"rehearsal_queries_response_seconds_count (\S+)", exposition)
    assert at_most is not None
    assert count is not None
    assert float(count[1]) - float(at_most[1]) > 2_500
    assert document["latency"]["queries"]["response_seconds"]["max"] > 2.0
    assert document["ledger"]["lost"] == document["ledger"]["duplicated"] == 0
    assert counters(client) == document["ledger"]["acknowledged"]


def test_a_source_that_stays_frozen_times_out_and_nothing_counts_twice(
    tmp_path: Path, given: dict[str, str], source: RedisServer, client: Any
) -> None:
    given |= {"OPERATION_TIMEOUT": "0.5"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(250)
        frozen = psutil.Process(source.pid)
        frozen.suspend()
        wait_for(lambda: run.stats()["totals"]["events"]["unknown"] > 0, "unknown events")
        wait_for(lambda: run.stats()["totals"]["queries"]["failed"] > 100, "failed queries")
        frozen.resume()
        ok = run.ok_queries()
        wait_for(lambda: run.ok_queries() > ok + 250, "queries after the freeze")
        run.interrupt()
        document = run.document()
    ledger = document["ledger"]
    # The server applied, after it thawed, what was in its sockets: that is unknown, neither lost nor duplicated.
    assert ledger["lost"] == ledger["duplicated"] == 0
    assert ledger["unknown"] == document["totals"]["events"]["unknown"] > 0
    assert ledger["acknowledged"] <= counters(client) <= ledger["acknowledged"] + ledger["unknown"]


@pytest.mark.parametrize("mode", [pytest.param("fast", marks=pytest.mark.matrix), "immediate"])
def test_a_database_that_restarts(tmp_path: Path, given: dict[str, str], postgres: PostgresServer, mode: str) -> None:
    given |= {"CACHE_HIT_TARGET": "70", "EVENTS_PER_SECOND": "1000"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(250)
        for _ in range(2):
            postgres.restart(mode)
            enough = run.ok_queries() + 250
            wait_for(partial(lambda least: run.ok_queries() > least, enough), "queries after the restart")
        wait_for(lambda: run.stats()["failures"]["queries"].get("database", 0) > 0, "failed misses")
        run.interrupt()
        document = run.document()
    queries, events = document["totals"]["queries"], document["totals"]["events"]
    assert adds_up(queries)
    assert queries["failed"] == sum(document["failures"]["queries"].values()) > 0
    assert set(document["failures"]["queries"]) <= {"database", "database timeout"}
    assert events["ok"] == events["offered"]
    assert document["database"]["rows_dropped"] == 0
    assert document["database"]["rows_written"] == events["offered"]
    assert events_in(postgres) == (events["offered"] + 2_000,) * 3


@pytest.mark.matrix
def test_rows_that_the_database_never_takes_are_said(
    tmp_path: Path, given: dict[str, str], postgres: PostgresServer
) -> None:
    """As on a full disk: it answers, and refuses to write."""
    given |= {"CACHE_HIT_TARGET": "100"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(250)
        statement(postgres, "ALTER TABLE analytics.batches ADD CONSTRAINT full_disk CHECK (number < 0) NOT VALID")
        assert wait_for(lambda: run.get("/health")[0] == 503, "an unhealthy run")
        assert "full_disk" in json.loads(run.get("/health")[1])["servers"]["database"]["error"]
        run.interrupt()
        assert run.wait() == 4
        last = run.stderr.splitlines()[-1]
        document = run.stats_left()
    dropped = document["database"]["rows_dropped"]
    assert f"did not take {dropped:,} event rows" in last
    assert dropped + document["database"]["rows_written"] == document["totals"]["events"]["offered"]
    assert events_in(postgres)[0] == document["database"]["rows_written"] + 2_000


def test_a_source_that_does_not_come_back_ends_the_run(
    tmp_path: Path, given: dict[str, str], source: RedisServer
) -> None:
    given |= {"GIVE_UP_AFTER": "1s"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        source.kill()
        assert wait_for(lambda: run.get("/health")[0] == 503, "an unhealthy run")
        assert run.wait() == 4
        assert "The source has been away" in run.stderr.splitlines()[-1]
        assert run.stats_left()["ledger"]["lost"] is None


def test_a_worker_that_is_killed_ends_the_run(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(250)
        (worker,) = [child for child in run.children() if "redis_rehearsal.engine.worker" in " ".join(child.cmdline())]
        worker.send_signal(signal.SIGKILL)
        assert run.wait() == 4
        assert "Worker 0 ended by itself" in run.stderr.splitlines()[-1]
        document = run.stats_left()
    # The ledger outlives its worker: what it had sent is acknowledged or unknown, and no more is claimed.
    ledger = document["ledger"]
    assert document["complete"] is False
    assert ledger["lost"] == ledger["duplicated"] == 0
    assert ledger["acknowledged"] <= counters(client) <= ledger["acknowledged"] + ledger["unknown"]
