import json
import os
import signal
from pathlib import Path

import pytest
import redis

from redis_rehearsal.cli.app import call
from tests.conftest import MakeServer
from tests.support import command, run_to_the_end, wait_for

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_servers_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("TARGET_REDIS_URL", raising=False)


def test_the_table_names_checks_advice_and_what_remains(make_server: MakeServer, capsys: Output) -> None:
    old, new = make_server(name="redis-8.2"), make_server(name="redis-6.2")
    assert call(["preflight", old.url, new.url, "--allow-server-wide"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert f"source redis://127.0.0.1:{old.port}/0\n" in shown.out
    assert "blocker  replication format" in shown.out
    assert "→ Use a strategy that copies keys" in shown.out
    assert "strategies that remain: cold, copy, dual-write, fallback, external, observe\n" in shown.out
    assert "blocked: replicate (replication format)\n" in shown.out
    # What has to be acted on comes first.
    assert shown.out.index("blocker ") < shown.out.index("warning ") < shown.out.index("ok ")


def test_the_exit_code_is_about_the_strategy_that_is_wanted(make_server: MakeServer, capsys: Output) -> None:
    old, new = make_server(name="redis-8.2"), make_server(name="redis-6.2")
    assert call(["preflight", old.url, new.url, "--strategy", "replicate", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert document["strategies"]["blocked"] == {"replicate": ["replication format", "server-wide actions"]}
    assert "copy" in document["strategies"]["remaining"]
    (finding,) = [each for each in document["findings"] if each["name"] == "replication format"]
    assert (finding["level"], finding["blocks"]) == ("blocker", ["replicate"])
    assert call(["preflight", old.url, new.url, "--strategy", "copy"]) == 0


def test_where_nothing_carries_the_data_the_exit_code_says_so(
    make_server: MakeServer, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_server("--requirepass", "geheim")
    with redis.Redis(port=old.port, password="geheim", protocol=2) as client:
        client.set("rehearsal:large", b"x" * 8_000_000)
    monkeypatch.setenv("REDIS_URL", old.url.replace("//", "//:geheim@"))
    monkeypatch.setenv("TARGET_REDIS_URL", make_server("--maxmemory", "4mb", name="valkey-9.1").url)
    assert call(["preflight"]) == 1
    assert call(["preflight", "--strategy", "cold"]) == 0
    shown = capsys.readouterr()
    assert "strategies that remain: cold, observe" in shown.out
    assert "geheim" not in shown.out + shown.err


def test_a_server_that_is_not_there_is_said_in_a_sentence(make_server: MakeServer, capsys: Output) -> None:
    here, nowhere = make_server("--requirepass", "right"), "redis://:geheim@127.0.0.1:1"
    for arguments in ((nowhere, here.url), (here.url.replace("//", "//:right@"), nowhere), (here.url, nowhere)):
        assert call(["preflight", *arguments]) == 2
        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1)
        assert "geheim" not in shown.err
        assert "right@" not in shown.err
    assert call(["preflight", here.url.replace("//", "//:geheim@"), nowhere]) == 2
    assert "refused the login" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "There is no source"),
        (["redis://localhost"], "There is no target"),
        (["http://:geheim@h", "redis://h"], "The URL of the source begins with http://; it must begin with redis://"),
        (["redis://h", "redis://:ge#heim@h"], "The URL of the target has one of the characters"),
        (["redis://h", "redis://h", "redis://:geheim@h"], "takes only a source, a target and flags, and a value that"),
        (
            ["redis://h", "redis://h", "--strategy", "hope"],
            "--strategy is 'hope'; it must be one of cold, replicate, copy, dual-w",
        ),
        (["redis://h", "redis://h", "--freeze", "deep"], "--freeze is 'deep'; it must be one of client, server, none"),
        (["redis://h", "redis://h", "--key-prefix", "a b"], "--key-prefix is 'a b'"),
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], sentence: str, capsys: Output) -> None:
    assert call(["preflight", *arguments]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert "heim" not in shown.err
    assert shown.out == ""


def test_an_interrupt_is_no_answer(make_server: MakeServer, tmp_path: Path) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    with command(tmp_path, "preflight", old.url, new.url, OPERATION_TIMEOUT="60s") as running:
        with redis.Redis(port=old.port, protocol=2) as client:
            connected = lambda: any("preflight" in each["name"] for each in client.client_list())  # noqa: E731 # short
            wait_for(connected, "a connection")
        os.kill(new.pid, signal.SIGSTOP)
        running.interrupt()
        assert running.wait() == 3
        assert running.stdout == ""


def test_a_server_that_stands_still_is_given_up(make_server: MakeServer, capsys: Output) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    os.kill(new.pid, signal.SIGSTOP)
    assert call(["preflight", old.url, new.url, "--operation-timeout", "300ms"]) == 2
    assert "did not answer within 0.3 s" in capsys.readouterr().err


def test_it_runs_as_a_command(make_server: MakeServer, tmp_path: Path) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    ended = run_to_the_end(tmp_path, "preflight", "--json", REDIS_URL=old.url, TARGET_REDIS_URL=new.url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["passed"] is True
