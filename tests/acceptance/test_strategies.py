"""Each way of migrating: its right mode loses nothing, its naive mode loses or doubles what it is known for."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer, json_module
from redis_rehearsal.errors import ConfigurationError
from tests.acceptance.evidence import (
    bears_out,
    counters,
    ledger_of,
    require_data,
    require_fail,
    require_pass,
)
from tests.acceptance.rehearsing import EXIT_CODES, QUICK, failed, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.support import command, run_to_the_end, wait_for

PAIRS = [
    pytest.param("redis-6.2", "valkey-9.1", "copy", marks=pytest.mark.matrix),
    ("redis-6.2", "valkey-9.1", "dual-write"),
    ("redis-6.2", "valkey-9.1", "fallback"),
    pytest.param("redis-8.2", "valkey-9.1", "dual-write", marks=pytest.mark.matrix),
    pytest.param("valkey-9.1", "redis-6.2", "copy", marks=pytest.mark.matrix),
    pytest.param("redis-8.2", "valkey-9.1", "copy", marks=pytest.mark.matrix),
    pytest.param("redis-8.2", "valkey-9.1", "fallback", marks=pytest.mark.matrix),
    pytest.param("valkey-9.1", "redis-6.2", "dual-write", marks=pytest.mark.matrix),
    pytest.param("valkey-9.1", "redis-6.2", "fallback", marks=pytest.mark.matrix),
    pytest.param("redis-8.2", "redis-6.2", "copy", marks=pytest.mark.matrix),
    pytest.param("valkey-9.1", "redis-8.2", "dual-write", marks=pytest.mark.matrix),
]
TYPES = [
    ("mixed", "copy", ("--copy-method", "types")),
    pytest.param("hash", "fallback", (), marks=pytest.mark.matrix),
    *(
        pytest.param(data_type, strategy, (), marks=pytest.mark.matrix)
        for data_type in ("json", "hash", "list", "set", "sorted-set", "mixed")
        for strategy in ("replicate", "copy", "dual-write", "fallback")
        if (data_type, strategy) not in (("mixed", "copy"), ("hash", "fallback"))
    ),
]


def listeners(client: Any) -> list[str]:
    return [each["id"] for each in client.client_list() if each["name"] == "redis-rehearsal:changes"]


@pytest.mark.parametrize(("source_name", "target_name", "strategy"), PAIRS)
def test_the_right_way_loses_nothing(
    tmp_path: Path,
    given: dict[str, str],
    make_server: MakeServer,
    source_name: str,
    target_name: str,
    strategy: str,
) -> None:
    source, target = make_server(name=source_name), make_server(name=target_name)
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url, "BALLAST_BYTES": "100000"}
    with command(tmp_path, "rehearse", "--strategy", strategy, *QUICK, **given) as run:
        until_phase(run, "baseline")
        with outside(source) as old:
            # Of an organisation that this run knows nothing of.
            old.set("rehearsal:count:9999:page_view:3600", 7, ex=5_000)
        document = judged(run)
    require_pass(document)
    assert ledger_of(document, "lost", "lost_at_most", "duplicated", "stranded", "unknown") == [0] * 5
    with outside(source) as old, outside(target) as new:
        assert new.get("rehearsal:count:9999:page_view:3600") == b"7"
        new.delete("rehearsal:count:9999:page_view:3600")
        assert counters(new) == document["ledger"]["acknowledged"] > 1_000
        assert old.dbsize() > 100
        assert len(list(new.scan_iter("rehearsal:ballast:*"))) == 98
        for key in list(old.scan_iter("rehearsal:ballast:*"))[:20]:
            assert new.get(key) == old.get(key)
        assert all(new.ttl(key) > 3600 for key in new.scan_iter("rehearsal:count:*"))
    assert document["checks"]["wrong"] == document["checks"]["resurrected"] == 0
    comparison = document["comparison"]
    assert comparison["unexplained"] == 0 < comparison["keys_compared"]


@pytest.mark.parametrize(("data_type", "strategy", "flags"), TYPES)
def test_every_type_migrates_by_every_strategy(
    tmp_path: Path,
    given: dict[str, str],
    make_server: MakeServer,
    data_type: str,
    strategy: str,
    flags: tuple[str, ...],
) -> None:
    options: list[tuple[str, ...]] = []
    for name in ("redis-8.2", "valkey-9.1"):
        try:
            options.append(("--loadmodule", str(json_module(name))))
        except ConfigurationError:
            if data_type == "json":
                pytest.skip("the extra json is not installed")
            options.append(())
    source, target = make_server(*options[0], name="redis-8.2"), make_server(*options[1], name="valkey-9.1")
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url, "REDIS_DATA_TYPE": data_type}
    with command(tmp_path, "rehearse", "--strategy", strategy, *flags, *QUICK, **given) as run:
        document = judged(run)
    require_pass(document)
    assert ledger_of(document, "lost", "lost_at_most", "duplicated", "stranded", "unknown") == [0] * 5
    assert document["comparison"]["unexplained"] == 0
    assert document["checks"]["misplaced"] == document["checks"]["wrong"] == 0 < document["checks"]["reports_checked"]
    with outside(target) as new:
        kinds = {new.type(key).decode() for key in new.scan_iter("rehearsal:report:*")}
    wanted = {"sorted-set": {"zset"}, "json": {"ReJSON-RL"}}.get(data_type, {data_type})
    everything = {"string", "hash", "list", "set", "zset"} | ({"ReJSON-RL"} if options[0] else set())
    assert kinds == (everything if data_type == "mixed" else wanted)


def test_what_is_changed_behind_its_back_is_found_key_by_key(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"BALLAST_BYTES": "50000", "EVENTS_PER_SECOND": "50"}
    with command(tmp_path, "rehearse", "--strategy", "copy", *QUICK, **given) as run:
        until_phase(run, "recovery")
        with outside(fresh_target) as target:
            target.set("rehearsal:ballast:1", "another value")
            target.delete("rehearsal:ballast:2", "rehearsal:ballast:3")
            target.rpush("rehearsal:ballast:list", "one")
            target.delete("rehearsal:ballast:4")
            target.rpush("rehearsal:ballast:4", "of another type")
            target.expire("rehearsal:ballast:5", 1_000)
        document = judged(run)
    comparison = document["comparison"]
    found = {kind: comparison[kind] for kind in ("missing", "extra", "type", "value", "ttl")}
    assert found == {"missing": 2, "extra": 1, "type": 1, "value": 1, "ttl": 1}
    assert comparison["unexplained"] == 6
    assert "comparison" in failed(document)
    assert document["ledger"]["lost"] == 0


@pytest.mark.parametrize("why", [pytest.param("not allowed", marks=pytest.mark.matrix), "cut off"])
@pytest.mark.matrix
def test_a_copy_that_is_not_told_what_changes_compares_all_keys(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, why: str
) -> None:
    source, target = make_server(name="redis-8.2"), make_server(name="redis-6.2")
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url}
    arguments = ["--strategy", "copy", "--copy-rate", "150", *QUICK]
    if why == "not allowed":
        arguments.remove("--allow-server-wide")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        until_phase(run, "baseline")
        with outside(source) as client:
            client.hset("rehearsal:theirs", mapping={"one": 1, "two": 2, "three": 3})
            client.hexpire("rehearsal:theirs", 3600, "one", "two")
        until_phase(run, "sync")
        if why == "cut off":
            with outside(source) as client:
                wait_for(lambda: listeners(client), "the tool to listen")
                assert client.client_kill_filter(_id=listeners(client)[0]) == 1
        document = judged(run)
    assert ledger_of(document, "lost", "lost_at_most", "duplicated", "stranded") == [0] * 4
    # In as many passes as it was copied, a field lost its time to live once.
    assert failed(document) == {"not_carried"}, document["verdict"]
    (lost,) = (each for each in document["verdict"]["criteria"] if each["name"] == "not_carried")
    assert (lost["measured"], lost["limit"]) == (2, 0)
    assert "rehearsal:theirs" in lost["reason"]
    assert document["comparison"]["not_carried"] == 2
    assert document["comparison"]["unexplained"] == 0
    (final,) = (step for step in document["migration"]["steps"] if step["name"] == "final pass")
    assert "keys had changed" in final["detail"]
    with outside(source) as old:
        assert old.config_get("notify-keyspace-events")["notify-keyspace-events"] == ""


@pytest.mark.parametrize("who", ["clean", pytest.param("the next run", marks=pytest.mark.matrix)])
def test_what_a_killed_coordinator_left_changed_is_put_back(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer, who: str
) -> None:
    def flags() -> str:
        with outside(source) as client:
            return str(client.config_get("notify-keyspace-events")["notify-keyspace-events"])

    # What other tests leave is none of its business.
    given["TMPDIR"] = str(tmp_path)
    arguments = ("--strategy", "copy", "--copy-rate", "10", "--baseline", "0s", "--allow-server-wide")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        wait_for(lambda: "A" in flags(), "the changed setting", 60)
        run.interrupt(signal.SIGKILL)
        run.wait()
    assert "A" in flags()
    (tmp_path / "next").mkdir()
    if who == "clean":
        elsewhere = {name: value for name, value in given.items() if not name.endswith("_URL")}
        result = run_to_the_end(tmp_path / "next", "clean", **elsewhere)
        assert (result.returncode, result.stdout.count("\n")) == (0, 1)
        assert result.stdout.startswith("What runs changed on another server is noted in ")
        result = run_to_the_end(tmp_path / "next", "clean", **given)
        assert result.returncode == 0, result.stderr
        sentence = f"notify-keyspace-events of the source {source.url} was left changed by a run that was killed"
        assert f"{sentence}, and is put back." in result.stdout
        assert "is noted in" not in result.stdout
    else:
        with command(tmp_path / "next", "run", **given) as run:
            run.until_running()
            assert flags() == ""
    assert flags() == ""


def test_a_copy_without_its_final_pass_loses_what_was_written_meanwhile(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    # Slowly, so that something is.
    arguments = ("--strategy", "copy", "--no-final-pass", "--copy-rate", "150", *QUICK)
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    with outside(fresh_target) as target:
        missing = document["ledger"]["acknowledged"] - counters(target)
    assert ledger_of(document, "lost", "lost_at_most", "duplicated") == [missing, missing, 0]
    assert missing > 20
    require_fail(document, "lost", "comparison")


def test_a_naive_dual_write_counts_twice(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"EVENTS_PER_SECOND": "2000"}
    with command(tmp_path, "rehearse", "--strategy", "dual-write", "--naive", *QUICK, **given) as run:
        document = judged(run)
    with outside(fresh_target) as target:
        surplus = counters(target) - document["ledger"]["acknowledged"]
    assert ledger_of(document, "lost", "duplicated", "duplicated_at_most") == [0, surplus, surplus]
    assert surplus > 0
    require_fail(document, "duplicated", "comparison")


def test_several_strategies_stand_side_by_side(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    arguments = ("--strategy", "cold,copy", "--baseline", "3s", "--observe", "3s", "--max-recovery", "20s", "--json")
    summary = tmp_path / "summary.md"
    given |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    left = ("--report", "out", "--junit", "verdict.xml")
    result = run_to_the_end(tmp_path, "rehearse", *arguments, *left, **given)
    documents = json.loads(result.stdout)
    assert [document["migration"]["strategy"] for document in documents] == ["cold", "copy"]
    require_fail(documents[0], "lost", "counter_regressions", "comparison")
    require_pass(documents[1])
    assert result.returncode == EXIT_CODES[documents[1]["verdict"]["status"]]
    table = result.stderr.partition("Side by side")[2]
    assert "cold" in table
    assert "copy" in table
    # What decides stands last, and what each came to before it.
    lines = result.stderr.splitlines()
    said = [number for number, line in enumerate(lines) if line.startswith(("PASS: ", "FAIL: ", "UNKNOWN: "))]
    assert len(said) == 3
    assert lines[said[0]].startswith("FAIL: ")
    told = {"pass": "PASS: copy passed; cold failed", "unknown": "UNKNOWN: cold failed; copy unknown"}
    assert lines[said[2]].startswith(told[documents[1]["verdict"]["status"]])
    assert " · report: out/report.html" in lines[said[2]]
    bears_out(tmp_path / "verdict.xml", [document["verdict"] for document in documents])
    annotations = [line for line in lines if line.startswith("::error ")]
    assert annotations[0].startswith("::error title=Rehearsal of cold::FAIL: ")
    assert len(annotations) == 2 - (documents[1]["verdict"]["status"] == "pass")
    assert summary.read_text() == (tmp_path / "out" / "report.md").read_text()
    (tmp_path / "again").mkdir()
    paths = [str(tmp_path / "out" / name) for name in ("cold", "copy")]
    again = run_to_the_end(tmp_path / "again", "report", *paths)
    assert again.returncode == 0
    assert "Side by side" in again.stdout


def test_ctrl_c_ends_all_strategies_and_tells_of_those_that_were_rehearsed(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "rehearse", "--strategy", "copy,cold", *QUICK, **given) as run:
        until_phase(run, "baseline")
        run.interrupt()
        assert run.wait() == EXIT_CODES["unknown"], run.stderr
        said = run.stderr.splitlines()
    (directory,) = (tmp_path / "runs").iterdir()
    assert any("the strategies that were left are not rehearsed" in line for line in said)
    assert said[-1].endswith(f"report: {directory}/strategies.html")
    assert (directory / "strategies.html").is_file()
    assert (directory / "strategies.md").read_text().startswith("## Rehearsals side by side")
    with outside(fresh_target) as target:
        assert not list(target.scan_iter("rehearsal:lock"))


def test_a_blocker_stops_it_before_anything_is_touched_unless_it_is_forced(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    target = make_server("--maxmemory", "8mb", name="valkey-9.1")
    given |= {"TARGET_REDIS_URL": target.url, "BALLAST_BYTES": "16000000"}
    for name, extra, steps in (("one", (), 1), ("two", ("--force",), 2)):
        (tmp_path / name).mkdir()
        arguments = ("--strategy", "copy", "--baseline", "1s", "--observe", "1s", *extra)
        with command(tmp_path / name, "rehearse", *arguments, **given) as run:
            document = judged(run)
        assert document["verdict"]["status"] == "fail"
        assert len(document["migration"]["steps"]) >= steps
        if not extra:
            assert "memory" in document["migration"]["reason"]
            assert [step["name"] for step in document["migration"]["steps"]] == ["preflight"]
            with outside(target) as new:
                assert new.dbsize() == 0


@pytest.mark.matrix
@pytest.mark.alone
@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (("replicate",), ""),
        (("copy",), ""),
        (("dual-write",), ""),
        (("fallback",), ""),
        (("cold",), "lost"),
        (("copy", "--no-final-pass"), "lost"),
        (("dual-write", "--naive"), "duplicated"),
    ],
)
def test_under_the_default_load_the_right_ways_lose_nothing_and_the_naive_ones_what_is_missing(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer, flags: tuple[str, ...], wrong: str
) -> None:
    given |= {"QUERIES_PER_SECOND": "10000", "EVENTS_PER_SECOND": "1000", "ORGANIZATIONS": "500"}
    with command(tmp_path, "rehearse", "--strategy", *flags, *QUICK, **given) as run:
        document = judged(run)
    with outside(fresh_target) as target:
        missing = document["ledger"]["acknowledged"] - counters(target)
    expected = {"lost": 0, "duplicated": 0, "stranded": 0} | ({wrong: abs(missing)} if wrong else {})
    assert {name: document["ledger"][name] for name in expected} == expected
    assert {name: document["ledger"][f"{name}_at_most"] for name in expected} == expected
    assert {"lost": missing > 0, "duplicated": missing < 0, "": missing == 0}[wrong]
    if wrong:
        require_fail(document, wrong, "comparison")
    else:
        require_data(document)
