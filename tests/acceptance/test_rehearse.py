"""The verdict of `rehearse`, held against what the servers themselves say."""

import contextlib
import csv
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import counters, require_fail, require_failed, require_pass, require_unproven
from tests.acceptance.rehearsing import QUICK, criteria, failed, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.support import command, run_to_the_end, wait_for


def reported(directory: Path, document: dict[str, Any], place: Path) -> None:
    """The report says what the document does, and can be made again from the directory."""
    page = (directory / "report.html").read_text()
    assert f">Verdict: {document['verdict']['status'].upper()}</h2>" in page
    assert f'<td class="figure">{document["ledger"]["acknowledged"]:,}</td>' in page
    place.mkdir()
    again = place / "report.html"
    made = run_to_the_end(place, "report", str(directory), "--format", "html", "--output", str(again))
    assert (made.returncode, made.stdout) == (0, ""), made.stderr
    assert again.read_text() == page
    with (directory / "percentiles.csv").open(newline="") as file:
        whole = [row for row in csv.DictReader(file) if row["quantile"] == "1.0" and row["clock"] == "response"]
    for phase in document["phases"]:
        for kind in ("queries", "events"):
            counts = [int(row["count"]) for row in whole if (row["phase"], row["kind"]) == (phase["name"], kind)]
            assert counts == [phase["totals"][kind]["ok"]] * bool(phase["totals"][kind]["ok"])
    for kind in ("queries", "events"):
        found = document["downtime"][kind]
        if found["windows"] is not None and found["windows_found"] <= 100:
            # What several workers suffered at once, or a stall of the generator leaves open, counts once.
            total, until = 0.0, 0.0
            for window in found["windows"]:
                start = datetime.fromisoformat(window["from"]).timestamp()
                total += max(0.0, start + window["seconds"] - max(start, until))
                until = max(until, start + window["seconds"])
            assert total == pytest.approx(found["total_seconds"], abs=0.002 * (1 + len(found["windows"])))


@pytest.mark.parametrize(
    ("freeze", "workers"), [("client", "2"), pytest.param("server", "1", marks=pytest.mark.matrix)]
)
def test_replicate_loses_nothing_even_while_an_hour_ends(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer, freeze: str, workers: str
) -> None:
    given |= {"TIME_BUCKET_SECONDS": "5", "TIME_BUCKETS": "20", "WORKERS": workers}
    (tmp_path / "my.toml").write_text("strategy = 'replicate'\nmax-recovery = '1m'\nabort_if = ['failed=90%']\n")
    arguments = ("--config", "my.toml", "--freeze", freeze, *QUICK)
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    require_pass(document)
    ledger = document["ledger"]
    assert [ledger[name] for name in ("lost", "lost_at_most", "stranded", "duplicated", "unknown")] == [0] * 5
    with outside(fresh_target) as target, outside(source) as old:
        assert counters(target) == ledger["acknowledged"] == document["totals"]["events"]["ok"] > 1_000
        # Both took part of them, and what was put aside was put back.
        assert 0 < old.info("commandstats")["cmdstat_incr"]["calls"] < ledger["acknowledged"]
        assert target.info("replication")["role"] == "master"
        assert old.config_get("min-replicas-to-write")["min-replicas-to-write"] == "0"
    names = [phase["name"] for phase in document["phases"]]
    assert names == ["baseline", "prepare", "sync", "cutover", "recovery", "done"]
    offered = sum(phase["totals"]["queries"]["offered"] for phase in document["phases"])
    assert offered == document["totals"]["queries"]["offered"]
    (directory,) = (tmp_path / "runs").iterdir()
    rows = (directory / "timeline.csv").read_text().splitlines()
    assert {"cutover", "recovery"} <= {row.split(",")[2] for row in rows}
    reported(directory, document, tmp_path / "again")


@pytest.mark.matrix
def test_what_waits_while_the_target_loads_lives_longer_there_and_is_no_difference(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    source, target = make_server(), make_server(name="valkey-9.1")
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url}
    limit = ("--max-ttl-drift", "10s")
    with command(tmp_path, "rehearse", "--strategy", "replicate", *limit, *QUICK, **given) as run:
        with outside(target) as new:
            wait_for(lambda: new.info("replication")["role"] == "slave", "a replica")
        # It reads nothing meanwhile, so that what the source sends on waits.
        psutil.Process(target.pid).suspend()
        time.sleep(1.2)
        psutil.Process(target.pid).resume()
        document = judged(run)
    assert document["comparison"]["unexplained"] == 0, document["comparison"]
    assert document["comparison"]["keys_compared"] > 100
    drift = document["comparison"]["ttl_drift"]
    assert drift["count"] > 0
    assert criteria(document)["ttl_drift"]["measured"] == drift["max_seconds"] > 1.0
    assert criteria(document)["ttl_drift"]["status"] == "passed"


def test_cold_loses_what_was_acknowledged_before(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "cold", *QUICK, **given) as run:
        document = judged(run)
    require_fail(document, "lost", "counter_regressions", "comparison")
    with outside(source) as old, outside(fresh_target) as target:
        assert document["ledger"]["lost"] == document["ledger"]["lost_at_most"] == counters(old) > 500
        assert counters(target) == document["ledger"]["acknowledged"] - document["ledger"]["lost"]
    assert document["ledger"]["stranded"] == document["ledger"]["duplicated"] == 0


def test_what_is_taken_from_and_added_to_the_target_is_found_exactly(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        until_phase(run, "recovery")
        with outside(fresh_target) as target:
            keys = [key for key in target.scan_iter("rehearsal:count:*") if int(target.get(key)) >= 5]
            for key in keys[:4]:
                target.decrby(key, 5)
            for key in keys[4:7]:
                target.incrby(key, 2)
        document = judged(run)
    assert len(keys) >= 7
    ledger = document["ledger"]
    assert (ledger["lost"], ledger["duplicated"], ledger["stranded"]) == (20, 6, 0)
    require_fail(document, "lost", "duplicated", "comparison")
    assert sum(row["lost"] for row in ledger["worst"]) == 20


def test_what_the_source_took_after_the_promotion_is_stranded(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    arguments = ("--strategy", "replicate", "--freeze", "none", "--rollout", "3s", *QUICK)
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    ledger = document["ledger"]
    with outside(source) as old, outside(fresh_target) as target:
        by_clients = int(old.info("commandstats")["cmdstat_incr"]["calls"])
        missing = ledger["acknowledged"] - counters(target)
        # Every counter that both have was alike at the promotion, so that the old one's surplus stayed behind.
        assert by_clients == counters(old)
    assert ledger["stranded"] == ledger["stranded_at_most"] == missing > 50
    assert (ledger["lost"], ledger["duplicated"]) == (0, 0)
    assert "stranded" in failed(document)
    assert "lost" not in failed(document)


@pytest.mark.matrix
def test_a_target_that_dies_after_the_cutover_and_comes_back_empty(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        until_phase(run, "recovery")
        fresh_target.kill()
        fresh_target.start()
        document = judged(run)
    ledger = document["ledger"]
    with outside(fresh_target) as target:
        # What it has was acknowledged since, but for what may have been applied unseen.
        missing = ledger["acknowledged"] - counters(target)
        assert missing <= ledger["missing"] <= missing + ledger["unknown"]
        assert ledger["missing"] <= ledger["missing_at_most"] <= ledger["missing"] + ledger["unknown"]
        # What was acknowledged right before it died may have come from either.
        assert ledger["lost"] <= ledger["missing"] <= ledger["lost"] + ledger["stranded_at_most"]
    assert {"lost", "counter_regressions"} <= failed(document)
    assert [document["servers"][role]["restarts"] for role in ("source", "target")] == [0, 1]
    (directory,) = (tmp_path / "runs").iterdir()
    advice = " ".join((directory / "report.txt").read_text().split())
    assert "To do: find out from its log why the target was started anew meanwhile, and let it keep its data" in advice


@pytest.mark.parametrize("rate", [pytest.param("20", marks=pytest.mark.matrix), "3000"])
def test_a_target_that_stands_still_is_downtime_for_as_long(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer, rate: str
) -> None:
    given |= {"QUERIES_PER_SECOND": rate}
    with command(tmp_path, "rehearse", "--strategy", "replicate", "--no-compare", *QUICK, **given) as run:
        until_phase(run, "recovery")
        process = psutil.Process(fresh_target.pid)
        with outside(fresh_target) as witness:
            witness.ping()  # it is connected before
            process.suspend()
            began = time.monotonic()
            wait_for(lambda: time.monotonic() - began > 1.0, "a second")
            least_seconds = time.monotonic() - began
            process.resume()
            # On a busy machine it comes back when the system lets it, and not when it is told to.
            witness.ping()
            most_seconds = time.monotonic() - began
        document = judged(run)
    # What is not wanted is left out, and said.
    assert document["comparison"] is None
    assert not {"comparison", "ttl_drift"} & set(criteria(document))
    assert "--no-compare" in document["migration"]["warnings"][0]
    found = document["downtime"]["queries"]
    criterion = criteria(document)["query_downtime"]
    if rate == "20":
        # How long in all is not known where so little was due; that what was due had no answer for too long is.
        assert found["longest_seconds"] is None
        require_failed(criterion)
        if criterion["status"] == "failed":
            assert criterion["measured"] == found["longest_at_least_seconds"] > criterion["limit"]
    else:
        # What lies between the two is the generator's own. What the server had answered before it was stopped may have
        # been read a moment after.
        assert found["longest_at_most_seconds"] == found["longest_seconds"] >= least_seconds - 0.02
    assert found["longest_at_least_seconds"] <= most_seconds + 0.05
    assert criterion["status"] in ("failed", "unknown")
    assert document["verdict"]["status"] != "pass"
    assert document["ledger"]["lost"] == 0


def test_a_worker_that_is_killed_makes_no_false_verdict(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        until_phase(run, "recovery")
        (worker,) = [child for child in run.children() if "redis_rehearsal.engine.worker" in " ".join(child.cmdline())]
        worker.send_signal(signal.SIGKILL)
        document = judged(run)
    require_unproven(document)
    assert document["complete"] is False
    ledger = document["ledger"]
    with outside(fresh_target) as target:
        assert ledger["acknowledged"] <= counters(target) <= ledger["acknowledged"] + ledger["unknown"]
    assert ledger["lost"] == ledger["duplicated"] == 0


def test_one_that_is_broken_off_proves_nothing(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        until_phase(run, "recovery")
        run.interrupt()
        document = judged(run)
    require_unproven(document)
    assert "ended before" in str(criteria(document)["migration"]["reason"])


def rests_on_time_and_is_unknown(document: dict[str, Any]) -> None:
    assert document["generator"]["saturated"] is document["impact"]["generator_saturated"] is True
    for name in ("query_downtime", "event_downtime", "cutover_p99", "recovery"):
        assert criteria(document)[name]["status"] == "unknown"
    assert criteria(document)["lost"]["status"] == "failed"


def test_a_generator_that_is_kept_from_running_makes_unknown_what_rests_on_time(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "cold", "--baseline", "2s", "--observe", "2s", **given) as run:
        wait_for(lambda: "load begins" in run.stderr, "the load")
        (worker,) = [child for child in run.children() if "redis_rehearsal.engine.worker" in " ".join(child.cmdline())]
        with contextlib.suppress(psutil.NoSuchProcess):
            while run.process.poll() is None:
                worker.suspend()
                time.sleep(0.02)
                worker.resume()
                time.sleep(0.08)
        rests_on_time_and_is_unknown(judged(run))


@pytest.mark.matrix
@pytest.mark.alone  # it leaves nothing to others
def test_an_overloaded_generator_makes_unknown_what_rests_on_time(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    given |= {"QUERIES_PER_SECOND": "1000000", "MAX_WORKERS": "100000", "MAX_QUEUE": "1000"}
    with command(tmp_path, "rehearse", "--strategy", "cold", "--baseline", "2s", "--observe", "2s", **given) as run:
        rests_on_time_and_is_unknown(judged(run))


def test_a_target_that_is_in_use_is_left_alone(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with outside(fresh_target) as target:
        target.set("precious", "1")
        for name, strategy, key in (("one", "replicate", "precious"), ("two", "cold", "rehearsal:old")):
            target.set(key, "1")
            (tmp_path / name).mkdir()
            given["RESET"] = "false"
            arguments = ("--strategy", strategy, "--baseline", "1s", "--observe", "1s", "--allow-server-wide")
            with command(tmp_path / name, "rehearse", *arguments, **given) as run:
                document = judged(run)
            assert target.get(key) == b"1"
            assert target.info("replication")["role"] == "master"
            assert failed(document) == {"migration"}
            assert document["migration"]["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
            assert document["ledger"]["lost"] == 0


def test_a_target_that_cannot_follow_is_known_before_anything_is_erased(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, source: RedisServer
) -> None:
    newer, older = make_server(name="redis-8.2"), make_server(name="redis-6.2")
    given |= {"REDIS_URL": newer.url, "TARGET_REDIS_URL": older.url}
    arguments = ("--strategy", "replicate", "--baseline", "1s", "--observe", "1s", "--allow-server-wide")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    assert document["verdict"]["status"] == "fail"
    assert "RDB version 12" in document["migration"]["reason"]
    with outside(older) as target:
        assert "cmdstat_replicaof" not in target.info("commandstats")


@pytest.mark.matrix
def test_fields_that_come_to_expire_after_the_preflight_are_named(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, fresh_target: RedisServer
) -> None:
    newer = make_server(name="redis-8.2")
    given |= {"REDIS_URL": newer.url}
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        until_phase(run, "sync")
        # It waits some seconds for others who might follow, before it sends.
        with outside(newer) as source:
            source.hset("rehearsal:ending", mapping={"a": 1, "b": 2})
            source.hexpire("rehearsal:ending", 1000, "a")
        document = judged(run)
    assert failed(document) == {"migration"}
    assert "holds 1 hashes with fields that expire by themselves (rehearsal:ending)" in document["migration"]["reason"]
    assert document["migration"]["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}


@pytest.mark.matrix
def test_an_output_buffer_that_is_too_small_is_named_with_the_log_that_has_it(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, fresh_target: RedisServer
) -> None:
    source = make_server(
        *("--client-output-buffer-limit", "replica", "64kb", "64kb", "1", "--repl-backlog-size", "16kb"),
        *("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--rdb-key-save-delay", "300"),
    )
    given |= {"REDIS_URL": source.url, "BALLAST_BYTES": "30000000", "QUERIES_PER_SECOND": "500"}
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        document = judged(run)
    assert failed(document) == {"migration"}
    reason = document["migration"]["reason"]
    assert "raise its client-output-buffer-limit (64 KiB, or 64 KiB for a while)" in reason
    assert reason.endswith(f"The log of the source {source.url} (redis 6.2.14) says more; look there.")
    (step,) = (step for step in document["migration"]["steps"] if step["name"] == "preflight")
    assert "replica output buffer" in step["detail"]


def test_a_server_of_the_users_is_not_reconfigured_unasked(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    result = run_to_the_end(
        tmp_path, "rehearse", "--strategy", "replicate", "--baseline", "1s", "--observe", "1s", **given
    )
    assert result.returncode == 1
    assert "--allow-server-wide" in result.stderr
    with outside(fresh_target) as target:
        assert "cmdstat_replicaof" not in target.info("commandstats")


def test_traffic_that_is_hurt_too_much_ends_the_migration(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    arguments = ("--strategy", "cold", "--baseline", "3s", "--observe", "20s", "--abort-if", "failed=5%")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        until_phase(run, "recovery")
        with outside(fresh_target) as new:
            wait_for(lambda: counters(new) > 0, "the first increment on the target")
        fresh_target.kill()
        document = judged(run)
    assert document["migration"]["status"] == "rolled-back"
    assert "failed=5%" in document["migration"]["reason"]
    assert document["migration"]["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
    assert document["phases"][-1]["name"] == "rolled-back"
    with outside(source) as old:
        # Back on the source, only what the target had taken is missing.
        assert document["ledger"]["lost"] == document["ledger"]["acknowledged"] - counters(old) > 0
