import json
import socket
import threading

import pytest
from msgspec.structs import replace

from redis_rehearsal.cli.app import call
from redis_rehearsal.document.base import as_json
from tests.controls import LOAD, MemoryRunControls
from tests.integration.cli.conftest import MADE, Serve

TOKEN = "geheimnis-1"
Output = pytest.CaptureFixture[str]


def test_set_changes_only_what_is_given(serve: Serve, capsys: Output) -> None:
    serving = serve()
    assert call(["set", "--queries-per-second", "500", "--query-mix", "1/1/2"]) == 0
    assert serving.controls.asked == replace(LOAD, queries_per_second=500, query_mix="1/1/2")
    assert capsys.readouterr().out.split() == [
        *("queries_per_second", "500", "events_per_second", "1,000"),
        *("query_mix", "1/1/2", "event_mix", "60/28/10/1.5/0.5"),
    ]


def test_switch_says_where_reads_and_writes_go(serve: Serve, capsys: Output) -> None:
    serving = serve()
    arguments = ["switch", "--to", "target", "--writes", "--freeze", "none", "--freeze-bound", "2s", "--rollout", "1s"]
    assert call(arguments) == 0
    (options,) = serving.controls.switches
    assert (options.to, options.reads, options.writes) == ("target", False, True)
    assert (options.freeze, options.freeze_bound, options.rollout) == ("none", 2.0, 1.0)
    assert "reads       target\n" in capsys.readouterr().out


def test_status_is_for_people_and_for_programs(serve: Serve, capsys: Output) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    assert call(["status"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {
        "stage": "running",
        "reads": "source",
        "writes": "source",
        "truth": "source",
        "frozen": "no",
        "source": "redis 6.2.14 127.0.0.1:6379",
        "rates": "9,998 queries/s, 1,001 events/s",
        "migration": "none",
    }
    assert call(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == as_json(serving.controls.status())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set"], "Nothing is to change; give --queries-per-second, --events-per-second, --query-mix or --event-mix."),
        (
            ["set", "--query-mix", "1/2"],
            "--query-mix is '1/2'; it must be 3 shares that are not all 0, as in 70/20/10.",
        ),
        (["set", "--events-per-second", "-1"], "--events-per-second"),
        (["switch"], "--to"),
        (["switch", "--to", "elsewhere"], "--to must be source, target, or a URL that begins with redis://"),
        (["switch", "--to", "target", "--freeze-bound", "1s"], "--freeze-bound is '1s'; it must be a duration"),
        (["migrate"], "--strategy"),
        (["migrate", "--strategy", "magic"], "--strategy is 'magic'; it must be one of cold, replicate, copy, dual-w"),
        (["migrate", "--strategy", "external"], "The strategy external needs --command, the tool that does the cop"),
        (["migrate", "--strategy", "cold", "--abort-if", "p98=1s"], "--abort-if is 'p98=1s'; it must be conditions as"),
    ],
)
def test_what_is_wrong_is_said_before_anybody_is_asked(
    arguments: list[str], sentence: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIND_ADDRESS", "127.0.0.1:1")
    assert call(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_what_the_run_says_is_printed(serve: Serve, capsys: Output) -> None:
    serve().controls.running = False
    for arguments in (
        ["set", "--events-per-second", "1"],
        ["switch", "--to", "target"],
        ["migrate", "--strategy", "cold"],
    ):
        assert call(arguments) == 2
        assert capsys.readouterr().err == "redis-rehearsal: The load is not running.\n"


def test_a_run_on_all_addresses_is_called_on_this_machines_own(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND_ADDRESS", serve().address.replace("127.0.0.1", "0.0.0.0"))  # noqa: S104 # nothing binds it
    assert call(["set", "--events-per-second", "1"]) == 0


def test_no_url_of_a_switch_is_shown(serve: Serve, capsys: Output) -> None:
    serving = serve()
    assert call(["switch", "--to", "redis://me:geheim@localhost"]) == 0
    assert call(["switch", "--to", "rediss://me:geheim@localhost"]) == 2
    assert call(["switch", "--to", "http://me:geheim@localhost"]) == 2
    output = capsys.readouterr()
    assert "geheim" not in output.out + output.err
    assert serving.controls.switches[0].to == "redis://me:geheim@localhost"


def test_the_token_is_given_by_the_environment_or_a_flag(
    serve: Serve, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(token=TOKEN, told=False)
    assert call(["set", "--events-per-second", "1"]) == 2
    assert "CONTROL_TOKEN" in capsys.readouterr().err
    assert call(["set", "--events-per-second", "1", "--control-token", "geheimnis-2"]) == 2
    assert call(["set", "--events-per-second", "1", "--control-token", TOKEN]) == 0
    monkeypatch.setenv("CONTROL_TOKEN", TOKEN)
    assert call(["set", "--events-per-second", "1"]) == 0
    assert call(["migrate", "--strategy", "cold"]) == 0
    output = capsys.readouterr()
    assert "geheim" not in output.out + output.err


@pytest.mark.parametrize("token", ["short", "geheim\r\nX-Evil: 1"])
def test_what_cannot_be_a_token_is_not_sent(token: str, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_TOKEN", token)
    assert call(["switch", "--to", "target"]) == 2
    assert "at least 8 ASCII characters" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["status"], ["set", "--events-per-second", "1"], ["migrate", "--strategy", "cold"]]
)
def test_where_no_run_is_a_sentence_says_so(
    command: list[str], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("BIND_ADDRESS", address)
    assert call(command) == 2
    assert f"No run answers at BIND_ADDRESS {address} (Connection refused)" in capsys.readouterr().err
    assert call([*command, "--bind-address", "3000"]) == 2
    assert "BIND_ADDRESS is '3000'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>",
        b"-ERR unknown command\r\n",
    ],
)
def test_a_stranger_is_not_told_the_token_nor_the_url(
    answer: bytes, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_once() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65_536))
                connection.sendall(answer)

        stranger = threading.Thread(target=serve_once)
        stranger.start()
        monkeypatch.setenv("BIND_ADDRESS", f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("CONTROL_TOKEN", TOKEN)
        assert call(["switch", "--to", "redis://:geheim@localhost"]) == 2
        stranger.join()
    assert "is not redis-rehearsal" in capsys.readouterr().err
    assert b"geheim" not in heard[0]


def test_a_large_body_is_answered_on_a_real_connection(serve: Serve) -> None:
    host, port = serve().address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"POST /api/switch HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n"
            f"Authorization: Bearer {MADE}\r\n"
        )
        connection.sendall(head.encode() + b"\r\n" + b" " * 1000)
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_header_does_not_say_who_calls(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    host, port = serve().address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET /stats HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n".encode())
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 401 ")
