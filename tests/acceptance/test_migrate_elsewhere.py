"""What moves a run that is going on from elsewhere: external tools, and endpoints that move by themselves."""

import contextlib
import json
from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.criteria import about
from redis_rehearsal.settings import default_source_server
from redis_rehearsal.verification.reasons import Cause
from tests.acceptance.evidence import (
    counters,
    require_data,
    require_fail,
    require_unproven,
)
from tests.acceptance.migrating import TOOL, counting, shown, tools_of
from tests.acceptance.rehearsing import QUICK, criteria, failed, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.support import command, wait_for


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
