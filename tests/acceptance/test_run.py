"""The command `run`, as a user sees it."""

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from redis_rehearsal.embedded.directory import common_place
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.workload.events import EVENT_TYPES
from tests.acceptance.evidence import counters, events_in
from tests.conftest import MakeServer
from tests.support import SMALL, adds_up, command, run_to_the_end, wait_for, working_in


def test_the_whole_platform_runs_on_a_bare_machine(tmp_path: Path) -> None:
    settings = {**SMALL, "TMPDIR": str(tmp_path)}
    with command(tmp_path, "run", "--load", "demo", "--duration", "4s", "--warmup", "1s", "--json", **settings) as run:
        run.until_running()
        place = tmp_path / common_place().name
        servers = working_in(place)
        assert {"redis-server", "valkey-server", "postgres"} <= {server.name() for server in servers}
        children = [*run.children(), *servers]
        assert run.get("/health")[0] == 200
        health = json.loads(run.get("/health")[1])
        assert {server["status"] for server in health["servers"].values()} == {"ok"}
        metrics = run.get("/metrics")[1]
        document = run.document()
        assert json.loads(run.stdout) == document
    for name in ("rehearsal_queries_total", "rehearsal_queries_response_seconds_bucket", "rehearsal_build_info"):
        assert name in metrics
    totals = document["totals"]
    assert adds_up(totals["queries"])
    assert adds_up(totals["events"])
    assert totals["queries"]["ok"] == totals["queries"]["offered"] == pytest.approx(600, rel=0.25)
    assert totals["events"]["ok"] == totals["events"]["offered"] == pytest.approx(200, rel=0.4)
    assert document["ledger"]["lost"] == document["ledger"]["duplicated"] == document["ledger"]["unknown"] == 0
    assert document["ledger"]["acknowledged"] == document["database"]["rows_written"] > totals["events"]["ok"]
    checks = document["checks"]
    assert checks["reports_checked"] > 400
    assert [checks[name] for name in ("wrong", "stale", "resurrected", "counter_regressions")] == [0] * 4
    assert document["servers"]["target"]["product"] == "valkey"
    assert document["complete"] is True
    # It leaves nothing behind but its document and its log.
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert [path for path in place.rglob("*") if not path.is_dir()] == []


def test_the_servers_own_data_agree_with_the_document(
    tmp_path: Path, given: dict[str, str], client: Any, postgres: PostgresServer
) -> None:
    left = tmp_path / "left"
    with command(tmp_path, "run", "--duration", "3s", "--warmup", "1s", "--report", str(left), **given) as run:
        document = run.document()
    assert json.loads((left / "run.json").read_text()) == document
    assert {path.name for path in left.iterdir()} == {"run.json", "timeline.csv", "percentiles.csv"}
    assert counters(client) == document["ledger"]["acknowledged"] > 400
    statistics = client.info("commandstats")
    assert statistics["cmdstat_incr"]["calls"] == document["ledger"]["acknowledged"]
    with next((tmp_path / "runs").glob("*/timeline.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))

    def total(*columns: str) -> int:
        return sum(int(row[column]) for row in rows for column in columns)

    assert total("source_operations") == total("queries_ok") + statistics["cmdstat_incr"]["calls"]
    assert total("target_operations") == 0
    assert total(*(f"events_{kind.name}" for kind in EVENT_TYPES)) == total("events_offered")
    organizations = {key.split(b":")[2] for key in client.scan_iter("rehearsal:count:*")}
    assert int(rows[-1]["active_organizations"]) == len(organizations)
    expiring = [client.ttl(key) for key in client.scan_iter("rehearsal:count:*")]
    assert min(expiring) > 23 * 3600
    assert events_in(postgres) == (document["ledger"]["acknowledged"] + 2_000,) * 3
    assert {key.split(b":")[0] for key in client.scan_iter()} == {b"rehearsal"}
    assert client.exists("rehearsal:lock") == 0


def test_two_workers_share_the_load_exactly(
    tmp_path: Path, given: dict[str, str], client: Any, postgres: PostgresServer
) -> None:
    given |= {"WORKERS": "2", "ARRIVALS": "constant", "QUERIES_PER_SECOND": "250", "EVENTS_PER_SECOND": "200"}
    with command(tmp_path, "run", "--duration", "4s", **given) as run:
        document = run.document()
    assert document["totals"]["queries"]["ok"] == pytest.approx(1_000, abs=4)
    assert document["totals"]["events"]["ok"] == pytest.approx(800, abs=4)
    assert counters(client) == document["totals"]["events"]["ok"]
    assert events_in(postgres) == (document["totals"]["events"]["offered"] + 2_000,) * 3
    assert document["ledger"]["lost"] == document["ledger"]["duplicated"] == 0


@pytest.mark.matrix
def test_what_an_earlier_run_asked_makes_no_new_question_a_hit(tmp_path: Path, given: dict[str, str]) -> None:
    given |= {"CACHE_HIT_TARGET": "60", "EVENTS_PER_SECOND": "0", "QUERIES_PER_SECOND": "1000"}
    ratios = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with command(tmp_path / name, "run", "--duration", "3s", **given) as run:
            ratios.append(run.document()["cache"]["hit_ratio"])
        given.pop("RESET", None)
    assert ratios == [pytest.approx(0.6, abs=0.05)] * 2


@pytest.mark.matrix
def test_the_same_seed_asks_the_same_questions(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    given |= {"ARRIVALS": "constant", "QUERIES_PER_SECOND": "0"}
    seen = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with command(tmp_path / name, "run", "--duration", "2s", **given) as run:
            run.document()
        found: dict[bytes, int] = {}
        for key in client.scan_iter("rehearsal:count:*"):
            subject = key.rpartition(b":")[0]
            found[subject] = found.get(subject, 0) + int(client.get(key))
        seen.append(found)
    assert seen[0] == seen[1]


def test_what_is_added_behind_its_back_is_duplicated(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    with command(tmp_path, "run", "--duration", "20s", **given) as run:
        run.until_running(250)
        keys = list(client.scan_iter("rehearsal:count:*"))[:7]
        for key in keys:
            client.incrby(key, 2)
        ledger = json.loads(run.get("/ledger")[1])
        assert ledger["duplicated"] == 14
        run.interrupt()
        document = run.document()
    assert (document["ledger"]["duplicated"], document["ledger"]["lost"]) == (14, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_as_asked(tmp_path: Path, given: dict[str, str], number: signal.Signals) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        run.interrupt(number)
        assert run.document()["stage"] == "ended"


def test_a_run_that_is_ended_before_its_load_leaves_a_document_too(tmp_path: Path, given: dict[str, str]) -> None:
    with command(tmp_path, "run", "--json", "--history-events", "3000000", **given) as run:
        wait_for(lambda: "servers are ready" in run.stderr, "seeding")
        run.interrupt()
        document = run.document()
        assert json.loads(run.stdout) == document
    assert document["complete"] is False
    assert document["totals"]["queries"]["offered"] == 0
    assert document["ledger"]["lost"] is None


def test_stop_ends_a_run_and_health_says_when_there_is_none(tmp_path: Path, given: dict[str, str]) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        address = run.address.removeprefix("http://")
        (tmp_path / "stop").mkdir()
        assert run_to_the_end(tmp_path / "stop", "stats", BIND_ADDRESS=address).returncode == 0
        stopped = run_to_the_end(tmp_path / "stop", "stop", BIND_ADDRESS=address)
        assert (stopped.returncode, run.wait(1)) == (0, 0)
        assert run_to_the_end(tmp_path / "stop", "health", BIND_ADDRESS=address).returncode == 2


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    settings = {**SMALL, "TMPDIR": str(tmp_path)}
    with command(tmp_path, "run", "--load", "low", **settings) as run:
        run.until_running()
        children = [*run.children(), *working_in(tmp_path / common_place().name)]
        servers = [child for child in children if "python" not in child.name()]
        run.process.kill()
        run.wait()
    # They end with it, whatever became of it.
    assert len(servers) >= 3
    assert psutil.wait_procs(servers, timeout=10)[1] == []
    (tmp_path / "next").mkdir()
    result = run_to_the_end(tmp_path / "next", "run", "--load", "low", "--duration", "1s", **settings)
    assert result.returncode == 0, result.stderr
    assert "Removed what an earlier run left" in result.stderr
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


@pytest.mark.matrix
def test_two_runs_at_once_do_not_touch_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    settings = {**SMALL, "TMPDIR": str(tmp_path)}
    with (
        command(tmp_path / "one", "run", "--load", "demo", "--duration", "6s", **settings) as one,
        command(tmp_path / "two", "run", "--load", "demo", "--duration", "3s", **settings) as two,
    ):
        documents = [two.document(), one.document()]
    for document in documents:
        assert document["totals"]["queries"]["failed"] == document["ledger"]["lost"] == 0
        assert document["ledger"]["duplicated"] == 0


def test_a_second_run_on_the_same_server_is_refused(tmp_path: Path, given: dict[str, str]) -> None:
    (tmp_path / "second").mkdir()
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        second = run_to_the_end(tmp_path / "second", "run", **given)
        assert second.returncode == 2
        assert "Another run" in second.stderr.splitlines()[-1]
        run.interrupt()
        assert run.document()["ledger"]["lost"] == 0


def test_clean_removes_what_is_ours_and_nothing_else(
    tmp_path: Path, given: dict[str, str], client: Any, postgres: PostgresServer
) -> None:
    client.set("precious", "1")
    with command(tmp_path, "run", "--duration", "1s", **given) as run:
        run.document()
    assert client.dbsize() > 100
    (tmp_path / "clean").mkdir()
    assert run_to_the_end(tmp_path / "clean", "clean", **given).returncode == 0
    assert client.keys() == [b"precious"]

    async def schemas() -> int:
        connection = await asyncpg.connect(postgres.url)
        count = await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'analytics'")
        await connection.close()
        return int(count)

    import asyncio

    assert asyncio.run(schemas()) == 0


@pytest.mark.matrix
def test_time_buckets_that_end_during_a_run_change_nothing(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    given |= {"TIME_BUCKET_SECONDS": "5", "TIME_BUCKETS": "12"}
    with command(tmp_path, "run", "--duration", "12s", **given) as run:
        document = run.document()
    buckets = {key.rpartition(b":")[2] for key in client.scan_iter("rehearsal:count:*")}
    assert len(buckets) >= 3
    assert counters(client) == document["ledger"]["acknowledged"] == document["totals"]["events"]["ok"]
    ledger = document["ledger"]
    assert [ledger[name] for name in ("lost", "duplicated", "unverified_counters")] == [0, 0, 0]
    assert document["checks"]["counter_regressions"] == 0
    assert document["database"]["rows_written"] == document["totals"]["events"]["offered"]


@pytest.mark.matrix
def test_counters_are_reconciled_before_they_expire(tmp_path: Path, given: dict[str, str]) -> None:
    given |= {"TIME_BUCKET_SECONDS": "5", "TIME_BUCKETS": "1"}
    began = time.time()
    with command(tmp_path, "run", "--duration", "17s", **given) as run:
        document = run.document()
    assert time.time() - began > 16
    ledger = document["ledger"]
    assert [ledger[name] for name in ("lost", "duplicated", "unverified_counters")] == [0, 0, 0]
    assert ledger["acknowledged"] == document["totals"]["events"]["ok"]


def test_passwords_are_nowhere(
    tmp_path: Path, target: RedisServer, postgres: PostgresServer, make_server: MakeServer
) -> None:
    server = make_server("--requirepass", "geh%ime/s wort")
    settings = {
        **SMALL,
        "REDIS_URL": f"redis://:geh%25ime%2Fs%20wort@127.0.0.1:{server.port}",
        "TARGET_REDIS_URL": target.url,
        "DATABASE_URL": postgres.url,
        "RESET": "1",
        "LOG_LEVEL": "debug",
    }
    with command(tmp_path, "run", "--load", "demo", "--duration", "2s", "--json", **settings) as run:
        run.until_running()
        shown = [run.get(path)[1] for path in ("/health", "/metrics", "/stats")]
        arguments = [" ".join(child.cmdline()) for child in run.children()]
        run.document()
    (directory,) = (tmp_path / "runs").iterdir()
    files = [path.read_text() for path in directory.iterdir()]
    for text in (run.stdout, run.stderr, *shown, *arguments, *files):
        assert "geh" not in text
