"""Moving a run that is going on: switch, migrate, external tools, endpoints that move by themselves."""

import contextlib
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.criteria import about
from redis_rehearsal.settings import default_source_server
from redis_rehearsal.verification.reasons import Cause
from tests.acceptance.evidence import (
    bears_out,
    counters,
    ledger_of,
    require_data,
    require_fail,
    require_pass,
    require_unproven,
)
from tests.acceptance.test_rehearse import (
    EXIT_CODES,
    QUICK,
    criteria,
    failed,
    fresh_target,
    judged,
    outside,
    until_phase,
)
from tests.conftest import MakeServer
from tests.support import Command, command, run_to_the_end, wait_for

__all__ = ["fresh_target"]
TOOL = f"{sys.executable} {Path(__file__).with_name('copying_tool.py')}"


def ask(run: Command, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """A command about a run that is going on."""
    place = tmp_path / f"ask-{len(list(tmp_path.glob('ask-*')))}"
    place.mkdir()
    result = run_to_the_end(place, *arguments, BIND_ADDRESS=run.address.removeprefix("http://"))
    return result.returncode, result.stdout, result.stderr


def status(run: Command) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.get("/api/status")[1])
    return document


@contextlib.contextmanager
def counting(server: RedisServer, key: str, start: int) -> Iterator[None]:
    """Another client that goes on counting meanwhile."""
    ended = threading.Event()

    def write() -> None:
        with outside(server) as client:
            client.set(key, start)
            while not ended.wait(0.02):
                client.incr(key)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()


def shown(run: Command) -> dict[str, Any]:
    """What the page is told of a run that is going on."""
    with urllib.request.urlopen(f"{run.address}/api/events", timeout=10) as stream:  # noqa: S310 # our own server
        while stream.readline() != b"event: state\n":
            pass
        found: dict[str, Any] = json.loads(stream.readline().removeprefix(b"data: "))
    return found


def tools_of(document: dict[str, Any]) -> list[int]:
    """Processes of tools that were told of a rehearsal's target."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            url = process.environ().get("TARGET_URL", "")
            if url and url == document["servers"]["target"]["address"]:
                found.append(process.pid)
    return found


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


def test_a_tool_that_follows_the_source_loses_nothing(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    arguments = ("--strategy", "external", "--command", f"{TOOL} --follow", "--ready-after", "2s", "--settle", "3s")
    with command(tmp_path, "rehearse", *arguments, *QUICK, **given) as run:
        until_phase(run, "recovery")
        document = judged(run)
    assert tools_of(document) == []
    assert document["ledger"]["lost"] == document["ledger"]["duplicated"] == 0
    assert document["migration"]["freeze_seconds"] > 3.0
    # The wait for the tool is downtime of events.
    assert document["downtime"]["events"]["longest_seconds"] > 2.5
    require_data(document)
    # However busy the generator was: that is more than its own stalls explain.
    assert (criteria(document)["event_downtime"]["status"], document["verdict"]["status"]) == ("failed", "fail")


@pytest.mark.matrix
def test_what_a_tool_left_out_and_two_writers_are_noticed_while_the_load_goes_on(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"BALLAST_BYTES": str(147 * 1024)}
    tool = f"{TOOL} --follow --but rehearsal:ballast:"
    arguments = ("--strategy", "external", "--command", tool, "--ready-after", "1s", "--settle", "1s")
    (tmp_path / "migrate").mkdir()
    with command(tmp_path, "run", **given) as run, contextlib.ExitStack() as writers:
        run.until_running(200)
        address = run.address.removeprefix("http://")
        with command(tmp_path / "migrate", "migrate", *arguments, *QUICK, "--json", BIND_ADDRESS=address) as migrate:
            until_phase(run, "recovery")
            for server, start in ((source, 1_000_000), (fresh_target, 500)):
                writers.enter_context(counting(server, "rehearsal:others", start))
            so_far = {each["name"]: each for each in shown(run)["so_far"]["criteria"]}
            assert (so_far["comparison"]["status"], so_far["ttl_drift"]["status"]) == ("unknown", "unknown")
            assert "once the recovery is over" in so_far["comparison"]["reason"]
            assert migrate.wait(60) == 1
            document = json.loads(migrate.stdout)
        comparison = run.stats()["comparison"]
    found = {each["name"]: each for each in document["verdict"]["criteria"]}
    assert found["comparison"]["measured"] == 147
    assert found["comparison"]["reason"].endswith(": 147 missing")
    assert (comparison["unsettled"], comparison["written_behind"]) == (1, 1)
    assert sum(comparison["benign_reasons"].values()) == comparison["benign"] > 0
    assert found["ttl_drift"]["status"] == "passed"


@pytest.mark.matrix
def test_one_write_of_others_on_the_server_that_was_left_is_noticed_whatever_the_ledger_says(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"OPERATION_TIMEOUT": "500ms"}
    (tmp_path / "migrate").mkdir()
    arguments = ("--strategy", "copy", "--baseline", "4s", "--observe", "20s", "--json")
    with command(tmp_path, "run", **given) as run, outside(source) as old:
        run.until_running(200)
        address = run.address.removeprefix("http://")
        with command(tmp_path / "migrate", "migrate", *arguments, BIND_ADDRESS=address) as migrate:
            until_phase(run, "recovery")

            def looks() -> int:
                return int(old.info("commandstats").get("cmdstat_getrange", {}).get("calls", 0))

            before = looks()
            wait_for(lambda: looks() > before, "a look at the server that was left")
            old.incr(next(old.scan_iter("rehearsal:count:*", count=10_000)))
            code = migrate.wait(60)
            document = json.loads(migrate.stdout)
    found = {each["name"]: each for each in document["verdict"]["criteria"]}
    # A machine that does something else meanwhile may spoil what is about time, and nothing else.
    spoilt = {name for name, each in found.items() if each["status"] == "failed"}
    assert spoilt <= about("time")
    assert code == (1 if spoilt else 3)
    assert (found["comparison"]["status"], found["comparison"]["measured"]) == ("unknown", 0)
    assert found["comparison"]["reason"].startswith("two writers: 1 key changed")
    assert found["lost"]["status"] == found["duplicated"]["status"] == "passed"


@pytest.mark.matrix
def test_a_tool_that_copies_once_loses_what_is_written_meanwhile(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(
        tmp_path, "rehearse", "--strategy", "external", "--command", f"{TOOL}; sleep 1", *QUICK, **given
    ) as run:
        document = judged(run)
    with outside(fresh_target) as target:
        assert document["ledger"]["lost"] == document["ledger"]["acknowledged"] - counters(target) > 50
    require_fail(document, "lost", "comparison")


def test_a_tool_that_fails_is_quoted_and_leaves_the_application_where_it_was(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    tool = """echo "token <$CONTROL_TOKEN> of $EVENTS_PER_SECOND"; echo 'no route to there' >&2; exit 7"""
    arguments = ("--strategy", "external", "--command", tool, "--baseline", "1s", "--observe", "1s")
    with command(tmp_path, "rehearse", *arguments, CONTROL_TOKEN="of-the-control-api", **given) as run:
        document = judged(run)
    assert failed(document) == {"migration"}
    assert "exit code 7" in document["migration"]["reason"]
    assert "no route to there" in document["migration"]["reason"]
    # It has our environment, but for what opens the control API.
    assert f"token <> of {given['EVENTS_PER_SECOND']}" in document["migration"]["reason"]
    assert document["migration"]["application_on"]["writes"] == "source"


@pytest.mark.matrix
def test_an_endpoint_that_moves_by_itself_is_observed(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    first = make_server()
    given["REDIS_URL"] = first.url
    arguments = ("--strategy", "observe", "--baseline", "4s", "--observe", "8s")
    second = RedisServer(default_source_server(), tmp_path / "second", port=first.port)
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        until_phase(run, "prepare")
        with outside(first) as old:
            before = counters(old)
        first.kill()
        second.start()
        try:
            document = judged(run)
            with outside(second) as new:
                assert document["ledger"]["missing"] == document["ledger"]["acknowledged"] - counters(new) > before / 2
        finally:
            second.kill()
    names = [phase["name"] for phase in document["phases"]]
    assert names[-3:] == ["cutover", "recovery", "done"]
    cutover = document["phases"][-3]
    assert cutover["failed"] > 0
    assert "lost" in failed(document)
    # What was on its way to the server that was killed may have been applied, or not.
    found = {name: each["status"] for name, each in criteria(document).items() if name in about("run") | about("data")}
    assert (found["migration"], found["duplicated"], document["verdict"]["status"]) == ("passed", "passed", "fail")


def test_an_endpoint_that_does_not_move_proves_nothing(tmp_path: Path, given: dict[str, str]) -> None:
    arguments = ("--strategy", "observe", "--baseline", "1s", "--observe", "2s")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    require_unproven(document)
    assert "Nothing was seen to move" in str(criteria(document)["migration"]["reason"])
    assert criteria(document)["migration"]["causes"] == [Cause.NOTHING_MOVED]
    (text,) = (tmp_path / "runs").glob("*/report.txt")
    assert "let the endpoint move while the rehearsal watches" in " ".join(text.read_text().split())


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
