"""Moving a run that is going on: switch, migrate, external tools, endpoints that move by themselves."""

import contextlib
import json
from pathlib import Path

import psutil
import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import (
    bears_out,
    counters,
    ledger_of,
    require_pass,
    require_unproven,
)
from tests.acceptance.migrating import TOOL, ask, status
from tests.acceptance.rehearsing import EXIT_CODES, QUICK, criteria, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.support import command, wait_for


def test_a_live_run_is_switched_set_and_asked(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(250)
        code, out, _ = ask(run, tmp_path, "status")
        assert code == 0
        assert "source" in out
        assert ask(run, tmp_path, "switch", "--to", "target", "--reads")[0] == 0
        assert status(run)["route"] == {
            "reads": "target",
            "writes": "source",
            "truth": "source",
            "moving": False,
            "confirmed": True,
        }
        assert ask(run, tmp_path, "switch", "--to", "target", "--rollout", "1s")[0] == 0
        assert status(run)["route"]["writes"] == "target"
        assert ask(run, tmp_path, "set", "--queries-per-second", "50", "--event-mix", "1/0/0/0/0")[0] == 0
        offered = run.stats()["totals"]["queries"]["offered"]
        rows = len(json.loads(run.get("/api/timeline")[1]))
        wait_for(lambda: len(json.loads(run.get("/api/timeline")[1])) >= rows + 4, "four seconds")
        assert run.stats()["totals"]["queries"]["offered"] - offered < 1_000
        lost = json.loads(run.get("/ledger")[1])
        with outside(source) as old:
            assert lost["lost"] == counters(old) > 0
            before = old.info("commandstats")["cmdstat_incr"]["calls"]
            assert ask(run, tmp_path, "switch", "--to", "source")[0] == 0
            wait_for(lambda: old.info("commandstats")["cmdstat_incr"]["calls"] > before + 50, "writes to the source")
        run.interrupt()
        document = run.document()
    assert document["totals"]["queries"]["failed"] == document["totals"]["events"]["failed"] == 0
    # What was written to the target stayed there.
    with outside(fresh_target) as target, outside(source) as old:
        assert document["ledger"]["lost"] == counters(target)
        assert document["ledger"]["acknowledged"] == counters(target) + counters(old)
    assert len({name for name, count in document["events_by_type"].items() if count}) == 5


def test_a_switch_to_a_server_that_nobody_had_named(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    third = make_server("--requirepass", "geh%eim", name="valkey-9.1")
    url = f"redis://:geh%25eim@127.0.0.1:{third.port}"
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        code, out, error = ask(run, tmp_path, "switch", "--to", "redis://127.0.0.1:1")
        assert code == 2
        assert "127.0.0.1:1" in error
        code, out, error = ask(run, tmp_path, "switch", "--to", url)
        assert code == 0, error
        ok = run.ok_queries()
        wait_for(lambda: run.ok_queries() > ok + 200, "queries on the new server")
        assert f"127.0.0.1:{third.port}" in run.get("/api/status")[1]
        assert "geh" not in run.stderr + out + error + run.get("/api/status")[1] + run.get("/stats")[1]
        run.interrupt()
        document = run.document()
    assert document["totals"]["queries"]["failed"] == 0


def test_a_live_run_is_migrated_to_its_verdict(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        left, junit = tmp_path / "left", tmp_path / "verdict.xml"
        arguments = ("--strategy", "replicate", *QUICK, "--json", "--report", str(left), "--junit")
        # Before anything is moved.
        assert ask(run, tmp_path, "migrate", *arguments, str(tmp_path / "nowhere" / "verdict.xml"))[0] == 2
        code, out, error = ask(run, tmp_path, "migrate", *arguments, str(junit))
        document = json.loads(out)
        assert code == EXIT_CODES[document["verdict"]["status"]], error
        heading = f">Verdict: {document['verdict']['status'].upper()}</h2>"
        (directory,) = (tmp_path / "runs").iterdir()
        wait_for(lambda: (directory / "report.html").exists(), "the report of the migration")
        assert heading in (left / "report.html").read_text()
        assert {path.name for path in left.iterdir()} == {"run.json", "report.html", "report.md", "report.txt"}
        bears_out(junit, [document["verdict"]])
        last = " ".join(error.splitlines()[-2:])
        assert f"{document['verdict']['status'].upper()}: " in last
        assert last.endswith(f"report: {left / 'report.html'}")
        assert heading in (directory / "report.html").read_text()
        names = [phase["name"] for phase in document["phases"]]
        told = [line.split()[1].rstrip(":") for line in error.splitlines() if line.startswith("phase ")]
        assert told == [name for name, before in zip(names, ["", *names], strict=False) if name != before]
        assert set(told) >= {"baseline", "prepare", "sync", "cutover", "recovery"}
        assert [step["status"] for step in document["steps"]] == ["done"] * len(document["steps"])
        # The load goes on, and what is under way is not taken for unknown.
        require_pass(document)
        # While the run goes on, the account is that of the verdict.
        with outside(fresh_target) as target:
            so_far = run.stats()["ledger"]
            assert so_far["lost"] == 0 < so_far["acknowledged"] <= counters(target)
        code, _, error = ask(run, tmp_path, "migrate", "--strategy", "cold")
        assert code == 2
        assert "redis-rehearsal reset" in error
        assert run.stats()["migration"]["warnings"] == []
        assert run.stats()["comparison"]["keys_compared"] > 100
        assert {"comparison", "ttl_drift"} <= {each["name"] for each in document["verdict"]["criteria"]}
        assert ask(run, tmp_path, "switch", "--to", "source", "--reads")[0] == 0
        run.interrupt()
        whole = run.document()
    # What came after the verdict is not its own, and is said.
    assert "switched by hand (reads to source, writes to target)" in whole["migration"]["warnings"][-1]
    # The load went on after the last phase had begun, and each is as long as what is counted in it.
    assert whole["phases"][-1]["name"] == "done"
    for phase in whole["phases"]:
        asked = float(given["QUERIES_PER_SECOND"]) * (phase["duration_seconds"] + 1.5)
        assert phase["totals"]["queries"]["offered"] < 1.5 * asked
    with outside(fresh_target) as target:
        assert counters(target) == whole["ledger"]["acknowledged"]
    assert whole["migration"]["strategy"] == "replicate"
    assert whole["ledger"]["lost"] == 0
    # What was left when the migration ended is that of the whole run now.
    assert f"{whole['ledger']['acknowledged']:,}" in (directory / "report.html").read_text()


def test_a_run_that_ends_in_the_middle_of_a_migration_proves_nothing(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(100)
        body = {"strategy": "copy", "baseline": 1, "observe": 60, "allow_server_wide": True}
        assert run.post("/api/migrations", body)[0] == 202
        until_phase(run, "recovery")
        run.interrupt()
        document = run.document()
        said = run.stderr.splitlines()
    # As a rehearsal it says what it does, and what that came to stands last.
    for told in ("migration by copy: ", "phase baseline", "phase recovery", "move the application: done after"):
        assert any(told in line for line in said), told
    assert any(line.startswith("UNKNOWN: ") for line in said[-2:])
    assert "/report.html" in said[-1]
    require_unproven(document)
    migration = criteria(document)["migration"]
    assert (migration["status"], migration["reason"]) == ("unknown", "it was ended before it was through")
    assert ledger_of(document, "lost", "duplicated", "stranded") == [0, 0, 0]
    with outside(fresh_target) as target:
        assert counters(target) == document["ledger"]["acknowledged"]


@pytest.mark.matrix
def test_what_was_lost_before_is_not_put_down_to_a_migration_until_the_run_begins_again(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        assert ask(run, tmp_path, "switch", "--to", "target")[0] == 0
        assert ask(run, tmp_path, "switch", "--to", "source")[0] == 0
        code, _, error = ask(run, tmp_path, "migrate", "--strategy", "copy", *QUICK)
        assert code == 2
        assert "from before this migration" in error
        assert "(reset)" in error
        first = json.loads(run.get("/health")[1])["run_directory"]
        assert ask(run, tmp_path, "reset")[0] == 0

        def begun_again() -> bool:
            with contextlib.suppress(OSError):
                health = json.loads(run.get("/health")[1])
                return bool(health["stage"] == "running" and health["run_directory"] != first)
            return False

        wait_for(begun_again, "another run", 60)
        wait_for(lambda: json.loads(run.get("/ledger")[1])["acknowledged"] > 100, "increments")
        assert json.loads(run.get("/ledger")[1])["lost"] == 0
        assert run.post("/api/migrations", {"strategy": "copy", "clear_target": True})[0] == 202
        run.interrupt()
        assert run.wait() == 0
    documents = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("*/run.json"))]
    assert [document["ledger"]["lost"] > 0 for document in documents] == [True, False]


@pytest.mark.parametrize(
    ("strategy", "killed"),
    [
        pytest.param("copy", "target", marks=pytest.mark.matrix),
        pytest.param("dual-write", "source", marks=pytest.mark.matrix),
        pytest.param("copy", "source", marks=pytest.mark.matrix),
        pytest.param("dual-write", "target", marks=pytest.mark.matrix),
    ],
)
def test_a_copy_that_was_cut_off_is_started_again_and_ends_right(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, strategy: str, killed: str
) -> None:
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    source, target = make_server(*durable), make_server(*durable, name="valkey-9.1")
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url, "BALLAST_BYTES": "1000000"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        (tmp_path / "cut").mkdir()
        address = run.address.removeprefix("http://")
        arguments = ("--strategy", strategy, "--copy-rate", "150", "--baseline", "1s", "--json")
        with command(tmp_path / "cut", "migrate", *arguments, BIND_ADDRESS=address) as migrate:
            with outside(target) as new:
                wait_for(lambda: new.dbsize() > 150, "some of the keys")
            victim = {"source": source, "target": target}[killed]
            victim.kill()
            assert migrate.wait(60) == 1
            cut = json.loads(migrate.stdout)
        assert cut["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
        assert "went away" in cut["reason"] or "cannot be reached" in cut["reason"]
        victim.start()
        ok = run.stats()["totals"]["events"]["ok"]
        wait_for(lambda: run.stats()["totals"]["events"]["ok"] > ok + 200, "events after the return")
        again_by = ("--strategy", strategy, *QUICK)
        code, _, error = ask(run, tmp_path, "migrate", *again_by)
        assert code == 1
        assert "--clear-target" in error
        code, out, error = ask(run, tmp_path, "migrate", *again_by, "--clear-target", "--json")
        again = json.loads(out)
        assert again["status"] == "done", error
        run.interrupt()
        document = run.document()
    assert ledger_of(document, "lost", "duplicated", "stranded") == [0, 0, 0]
    with outside(target) as new, outside(source) as old:
        surplus = counters(new) - document["ledger"]["acknowledged"]
        assert 0 <= surplus <= document["ledger"]["unknown"]
        ballast = list(old.scan_iter("rehearsal:ballast:*"))
        assert len(ballast) > 900
        assert new.mget(ballast) == old.mget(ballast)


def test_a_migration_is_rolled_back_and_a_second_one_is_refused(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        arguments = ("--strategy", "cold", "--baseline", "3s", "--observe", "30s")
        (tmp_path / "migrate").mkdir()
        address = run.address.removeprefix("http://")
        with command(tmp_path / "migrate", "migrate", *arguments, "--json", BIND_ADDRESS=address) as migrate:
            until_phase(run, "recovery")
            code, _, error = ask(run, tmp_path, "migrate", "--strategy", "cold")
            assert code == 2
            assert "under way" in error
            code, answer = run.post("/api/migrations/current/rollback")
            assert (code, json.loads(answer)["status"]) == (200, "rolled-back")
            assert json.loads(answer)["verdict"]["status"] == "fail"
            assert migrate.wait(60) == 1
            document = json.loads(migrate.stdout)
        assert document["status"] == "rolled-back"
        assert document["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
        run.interrupt()
        whole = run.document()
    with outside(source) as old:
        assert whole["ledger"]["lost"] == whole["ledger"]["acknowledged"] - counters(old) > 0


@pytest.mark.matrix
def test_what_is_watched_on_the_target_goes_back_with_what_was_written_meanwhile(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        back = "/api/migrations/current/return"
        assert run.post(back)[0] == 409
        arguments = ("--strategy", "copy", "--baseline", "4s", "--observe", "90s", "--json")
        (tmp_path / "migrate").mkdir()
        address = run.address.removeprefix("http://")
        with command(tmp_path / "migrate", "migrate", *arguments, BIND_ADDRESS=address) as migrate:
            until_phase(run, "baseline")
            code, answer = run.post(back)
            assert code == 409
            assert "once the application is on the target" in answer
            until_phase(run, "recovery")
            ok = run.stats()["totals"]["events"]["ok"]
            wait_for(lambda: run.stats()["totals"]["events"]["ok"] > ok + 200, "events on the target")
            assert run.post(back)[0] == 202
            code, answer = run.post(back)
            assert code == 409
            assert "on its way back already" in answer
            # The observation on the target ends at once; that on the source lasts, and is cut short here.
            wait_for(lambda: run.stats()["migration"]["application_on"]["writes"] == "source", "the source again", 60)
            run.interrupt()
            migrate.wait(60)
        document = run.document()
    assert ledger_of(document, "lost", "duplicated", "stranded") == [0, 0, 0]
    names = [step["name"] for step in document["migration"]["steps"]]
    assert "compare before the way back" in names
    with outside(source) as old:
        assert counters(old) == document["ledger"]["acknowledged"]


@pytest.mark.matrix
def test_newer_redis_to_valkey_passes_with_a_relaxed_check_that_is_put_back(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, fresh_target: RedisServer
) -> None:
    newer = make_server(name="redis-8.2")
    given["REDIS_URL"] = newer.url
    with command(tmp_path, "rehearse", "--strategy", "replicate", *QUICK, **given) as run:
        document = judged(run)
    require_pass(document)
    with outside(fresh_target) as target:
        assert counters(target) == document["ledger"]["acknowledged"]
        assert target.config_get("rdb-version-check") == {"rdb-version-check": "strict"}


@pytest.mark.matrix
def test_a_target_that_stands_still_in_the_freeze_leaves_the_application_on_the_source(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    # It stops just before the cutover, which begins when the test says so.
    flag = tmp_path / "go"
    ready = f"test -e {flag}"
    tool = f"{TOOL}; exec sleep 1000"
    arguments = (
        "--strategy",
        "external",
        "--command",
        tool,
        "--ready-command",
        ready,
        *QUICK,
        "--abort-if",
        "failed=50%",
    )
    given |= {"OPERATION_TIMEOUT": "1"}
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        until_phase(run, "sync")
        process = psutil.Process(fresh_target.pid)
        logs = (tmp_path / "runs").glob
        wait_for(lambda: any("a pass is done" in log.read_text() for log in logs("*/external.log")), "a copy")
        process.suspend()
        flag.touch()
        try:
            document = judged(run)
        finally:
            process.resume()
    assert document["verdict"]["status"] == "fail"
    assert document["migration"]["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
    with outside(source) as old:
        assert counters(old) <= document["ledger"]["acknowledged"] + document["ledger"]["unknown"]
