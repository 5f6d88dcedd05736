"""The examples of docs/your-own-tool.md and docs/strategies.md, as they stand, on embedded servers."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cli.app import make_app
from redis_rehearsal.migration.criteria import about
from tests.acceptance import copying_tool
from tests.acceptance.rehearsing import failed
from tests.support import SMALL, command, wait_for

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("your-own-tool.md", "strategies.md")
KINDS = (
    "redis-cli",
    "'./my-tool.sh'",
    "./my-sync",
    "redis-shake.sh",
    "plain-replica.sh",
    "make run ",
    "/tmp/copied",  # noqa: S108 # as the page has it
    "--strategy observe",
)
LOAD = {**SMALL, "QUERIES_PER_SECOND": "200", "EVENTS_PER_SECOND": "300"}
TOOL = f"{shlex.quote(sys.executable)} {shlex.quote(copying_tool.__file__)}"
NO_REDIS_CLI = "there is no redis-cli beside the interpreter"


def examples(page: str) -> list[str]:
    """What a page shows to be typed, and not what is printed."""
    blocks = re.findall(r"^```\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "redis-rehearsal " in block]


def example(kind: str, page: str = PAGES[0]) -> str:
    (found,) = (block for block in examples(page) if kind in block)
    return found


def place_of_commands(directory: Path, **scripts: str) -> dict[str, str]:
    """An environment in which the page's commands are there, and a user's own in the working directory."""
    programs = directory / "bin"
    programs.mkdir()
    scripts = {"bin/redis-rehearsal": f'exec {shlex.quote(sys.executable)} -m redis_rehearsal "$@"', **scripts}
    for name, script in scripts.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    beside = Path(sys.executable).parent
    return {"PATH": f"{programs}:{beside}:{os.environ['PATH']}", "BIND_ADDRESS": "127.0.0.1:0", **LOAD}


def typed(block: str, directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a shell makes of an example."""
    text = block.replace(".venv/bin/redis-rehearsal", "redis-rehearsal")
    return subprocess.run(
        ["/bin/sh", "-c", text],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


def document_in(directory: Path) -> dict[str, Any]:
    (path,) = (directory / "runs").glob("*/run.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_each_example_is_of_a_kind_that_is_run_here() -> None:
    for page in PAGES:
        for block in examples(page):
            assert sum(kind in block for kind in KINDS) == 1, block
    assert example("redis-cli", PAGES[0]) == example("redis-cli", PAGES[1])


@pytest.mark.skipif(not (Path(sys.executable).parent / "redis-cli").exists(), reason=NO_REDIS_CLI)
@pytest.mark.matrix
def test_the_script_of_redis_cli_copies_what_there_is(tmp_path: Path) -> None:
    script = example("redis-cli").partition("--command '")[2].rpartition("'")[0]
    environment = place_of_commands(tmp_path)
    arguments = ("--strategy", "external", "--command", script, "--baseline", "2s", "--observe", "1s")
    with command(tmp_path, "rehearse", *arguments, **environment) as run:
        assert run.wait(120) in (1, 3), run.stderr
    document = document_in(tmp_path)
    assert document["migration"]["status"] == "done", document["migration"]["reason"]
    assert_copied_once(document)


def assert_copied_once(document: dict[str, Any]) -> None:
    """All that was there was copied, and what was written meanwhile is lost."""
    assert 0 < document["ledger"]["lost"] < document["ledger"]["acknowledged"] / 2
    assert document["comparison"]["missing"] < document["comparison"]["keys_compared"] / 2


@pytest.mark.matrix
@pytest.mark.timeout(300)
@pytest.mark.skipif(not (Path(sys.executable).parent / "redis-cli").exists(), reason=NO_REDIS_CLI)
@pytest.mark.parametrize("kind", ["redis-cli", "'./my-tool.sh'"])
def test_a_tool_that_copies_once(tmp_path: Path, kind: str) -> None:
    done = typed(example(kind), tmp_path, place_of_commands(tmp_path, **{"my-tool.sh": f"{TOOL} && sleep 1"}))
    assert done.returncode == 1, done.stderr
    document = document_in(tmp_path)
    assert "lost" in failed(document)
    assert_copied_once(document)


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_tool_that_follows_the_source(tmp_path: Path) -> None:
    scripts = {
        "my-sync": f"exec {TOOL} --follow",
        "my-sync-is-behind-less-than": 'exec grep -q "a pass is done" "$RUN_DIRECTORY/external.log"',
    }
    done = typed(example("./my-sync"), tmp_path, place_of_commands(tmp_path, **scripts))
    assert done.returncode in (0, 3), done.stderr
    document = document_in(tmp_path)
    assert document["migration"]["status"] == "done"
    assert [document["ledger"][name] for name in ("lost", "duplicated", "stranded")] == [0, 0, 0]


@pytest.mark.matrix
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_switch_by_hand(tmp_path: Path) -> None:
    first, *others = example("make run ").splitlines()
    assert first.startswith("make run ")
    environment = place_of_commands(tmp_path, **{"my-tool.sh": TOOL}) | {"KEY_PREFIX": "rehearsal:"}
    with command(tmp_path, "run", **LOAD) as run:
        run.until_running(200)
        environment["BIND_ADDRESS"] = run.address.removeprefix("http://")
        done = typed("\n".join(others).replace("127.0.0.1:3000", environment["BIND_ADDRESS"]), tmp_path, environment)
        assert done.returncode == 0, done.stderr
        places = re.findall(r"^reads +(source|target)$", done.stdout, re.MULTILINE)
        assert places == ["source", "target", "source"], done.stdout + done.stderr
        assert "a pass is done" in done.stdout
        # Of two servers of which one is written to, the comparison comes to an end all the same.
        assert "keys" in done.stdout + done.stderr
        assert '"lost":' in done.stdout
        assert "NOAUTH" not in done.stdout + done.stderr


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_command_that_waits_for_a_person(tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    environment = place_of_commands(tmp_path)
    with command(tmp_path, "run", **LOAD) as run:
        run.until_running(200)
        environment["BIND_ADDRESS"] = run.address.removeprefix("http://")
        text = example("/tmp/copied").replace("/tmp/copied", str(copied))  # noqa: S108 # as the page has it
        with subprocess.Popen(
            ["/bin/sh", "-c", text], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
        ) as waits:

            def step() -> str:
                migration = run.stats()["migration"]
                return migration["steps"][-1]["name"] if migration and migration["steps"] else ""

            wait_for(lambda: step() == "run the tool", "the command", 60)
            copied.touch()
            # Nothing was copied.
            assert waits.wait(120) == 1
        assert run.stats()["migration"]["status"] == "done"


def test_an_endpoint_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its addresses are the user's; the strategy itself is tested with an endpoint that moves.
    words = shlex.split(example("--strategy observe").replace("\\\n", " "))
    settings = dict(word.split("=", 1) for word in words if re.match("[A-Z_]+=", word))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    arguments = words[words.index("redis-rehearsal") + 1 :]
    _, bound, ignored = make_app().parse_args(arguments, exit_on_error=False, print_error=False)[:3]
    assert not ignored
    assert (bound.arguments["options"].strategy, bound.arguments["options"].observe) == ("observe", 600.0)


@pytest.mark.skipif(not (Path(sys.executable).parent / "redis-cli").exists(), reason=NO_REDIS_CLI)
@pytest.mark.matrix
def test_a_plain_replica_loses_only_what_was_written_after_it_was_promoted(tmp_path: Path) -> None:
    environment = place_of_commands(tmp_path)
    (tmp_path / "deploy").symlink_to(DOCS.parent / "deploy")
    done = typed(example("plain-replica.sh"), tmp_path, environment)
    document = document_in(tmp_path)
    assert document["migration"]["status"] == "done", done.stderr
    ledger = document["ledger"]
    assert ledger["duplicated"] == ledger["stranded"] == 0
    assert 0 <= ledger["lost"] <= ledger["lost_at_most"] < ledger["acknowledged"] / 2
    assert document["verdict"]["status"] == ("fail" if ledger["lost"] else document["verdict"]["status"])
    log = next((tmp_path / "runs").glob("*/external.log")).read_text()
    assert log.count("OK") >= 2


def given_to_redis_shake(directory: Path) -> dict[str, str]:
    """An environment in which the script of the page finds a RedisShake that only keeps what it is given."""
    program = directory / "recorder"
    program.write_text('#!/bin/sh\ncp -p "$1" "$RUN_DIRECTORY/given.toml"\n')
    program.chmod(0o755)
    given = {"PATH": os.environ["PATH"], "REDIS_SHAKE": str(program), "RUN_DIRECTORY": str(directory)}
    for role, port in (("SOURCE", "1"), ("TARGET", "2")):
        given |= {f"{role}_HOST": "127.0.0.1", f"{role}_PORT": port, f"{role}_USERNAME": "", f"{role}_PASSWORD": role}
    return given | {"KEY_PREFIX": "rehearsal:"}


def test_the_script_for_redis_shake_tells_it_where_and_nobody_else(tmp_path: Path) -> None:
    script = DOCS.parent / "deploy" / "examples" / "redis-shake.sh"
    subprocess.run([script], env=given_to_redis_shake(tmp_path), check=True)
    left = tmp_path / "given.toml"
    configuration = tomllib.loads(left.read_text())
    assert configuration["sync_reader"]["address"] == "127.0.0.1:1"
    assert configuration["redis_writer"]["address"] == "127.0.0.1:2"
    assert [configuration[each]["password"] for each in ("sync_reader", "redis_writer")] == ["SOURCE", "TARGET"]
    assert configuration["filter"]["block_key_prefix"] == ["rehearsal:lock"]
    assert left.stat().st_mode & 0o777 == 0o600


@pytest.mark.matrix
@pytest.mark.skipif(
    shutil.which("redis-shake") is None, reason="redis-shake is not on the path (built from its Go module)"
)
def test_redis_shake_loses_nothing(tmp_path: Path) -> None:
    environment = place_of_commands(tmp_path) | {"SOURCE_SERVER": "redis-8.2"}
    (tmp_path / "deploy").symlink_to(DOCS.parent / "deploy")
    done = typed(example("redis-shake.sh"), tmp_path, environment)
    document = document_in(tmp_path)
    assert document["migration"]["status"] == "done", done.stderr
    ledger = document["ledger"]
    assert [ledger[name] for name in ("lost", "duplicated", "stranded")] == [0, 0, 0]
    assert failed(document) <= about("time")
