"""Wrong values and servers: one sentence, exit code 2, never a traceback."""

import asyncio
import contextlib
import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg
import pytest
from junitparser import JUnitXml

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer
from tests.support import run_to_the_end


def refused(tmp_path: Path, *arguments: str, **settings: str) -> str:
    return refused_by("run", tmp_path, *arguments, **settings)


def refused_by(name: str, tmp_path: Path, *arguments: str, **settings: str) -> str:
    result = run_to_the_end(tmp_path, name, *arguments, **settings)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith("redis-rehearsal: ")
    assert last.endswith((".", "?"))
    return last


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        (["--events-per-second", "-1"], {}, ["--events-per-second", "-1", "from 0"]),
        ([], {"QUERIES_PER_SECOND": "many"}, ["QUERIES_PER_SECOND", "many", "a number"]),
        (["--cache-hit-target", "101"], {}, ["--cache-hit-target", "101", "to 100"]),
        ([], {"REDIS_URL": "http://localhost"}, ["REDIS_URL", "http", "redis://"]),
        ([], {"REDIS_URL": "redis://127.0.0.1:1"}, ["redis://127.0.0.1:1/0", "REDIS_URL"]),
        ([], {"DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/x"}, ["postgresql://127.0.0.1:1/x"]),
        ([], {"REDIS_URL": "redis://:SEC/geheim@h:1"}, ["REDIS_URL", "percent-encoded"]),
        ([], {"TARGET_REDIS_URL": "redis://:geheim@[::1"}, ["TARGET_REDIS_URL", "host"]),
        ([], {"DATABASE_URL": "postgresql://u:geheim/x@h/x"}, ["DATABASE_URL", "percent-encoded"]),
        ([], {"BIND_ADDRESS": "redis://:geheim@h"}, ["BIND_ADDRESS"]),
        (["--no-such-flag"], {}, ["--no-such-flag"]),
        (["--redis-ur=redis://:geheim@h"], {}, ["--redis-ur'", "--redis-url"]),
        (["redis://:geheim@h"], {}, ["only flags"]),
        (["foo"], {}, ["'foo'", "only flags"]),
        (["--reset=maybe"], {}, ["--reset is 'maybe'", "true or false"]),
        (["--reset=redis://:geheim@h"], {}, ["--reset", "true or false"]),
        ([], {"RESET": "maybe"}, ["RESET is 'maybe'", "true or false"]),
        (["--json=maybe"], {}, ["--json", "'maybe'"]),
        (["--duration", "-3s"], {}, ["--duration is '-3s'", "a duration"]),
        (["--duration"], {}, ["--duration needs a value", "a duration"]),
        (["--seed", "--reset"], {}, ["--seed needs a value", "a whole number"]),
        (["--seed", "1", "--seed", "2"], {}, ["--seed is given more than once"]),
        (["--config", "a.toml", "--config", "b.toml"], {}, ["--config is given more than once"]),
        ([], {"SEED": "1_000"}, ["SEED is '1_000'", "a whole number"]),
        (["--config", "nowhere.toml"], {}, ["nowhere.toml"]),
        (["--load", "huge"], {}, ["--load", "huge", "ultra, high, demo, low"]),
        ([], {"BIND_ADDRESS": "nowhere"}, ["BIND_ADDRESS", "nowhere"]),
        ([], {"BIND_ADDRESS": "192.0.2.1:3000"}, ["BIND_ADDRESS 192.0.2.1:3000", "cannot be used"]),
        ([], {"RUN_DIR": "/proc/here"}, ["RUN_DIR /proc/here"]),
        ([], {"DATA_DIR": "/proc/here"}, ["/proc/here"]),
    ],
)
def test_wrong_values(tmp_path: Path, arguments: list[str], settings: dict[str, str], expected: list[str]) -> None:
    sentence = refused(tmp_path, *arguments, **settings)
    for part in expected:
        assert part in sentence
    assert "geheim" not in sentence


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("= [", "is not TOML"),
        ("speed = 3", "'speed', which is not a setting"),
        ("events_per_second = 'fast'", "my.toml gives events_per_second 'fast'"),
        ("organizations = -4", "my.toml gives organizations -4; it must be"),
        ("seed = [1]", "SEED a list; it must be a whole number"),
        ("seed = {a = 1}", "SEED a table"),
        ("seed = 2020-01-01", "SEED a date"),
        ("reset = 'maybe'", "my.toml gives reset 'maybe'"),
        ("to = 'target'", "'to', which run does not have; it is for switch"),
        ("query_mix = '1/1/1'", "'query_mix', which run does not have; it is for set"),
        ("redis_url = ['redis://:geheim@h']", "REDIS_URL a list; it must be a URL"),
        ("[redis_url]\nurl = 'redis://:geheim@h'", "REDIS_URL a table; it must be a URL"),
    ],
)
def test_wrong_toml(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "my.toml").write_text(content)
    sentence = refused(tmp_path, "--config", "my.toml")
    assert expected in sentence
    assert "geheim" not in sentence


def test_a_flag_overrides_the_environment_which_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("seed = -1\nworkers = 1\nduration = '1s'\n")
    assert "my.toml gives seed -1" in refused(tmp_path, "--config", "my.toml")
    assert "SEED is '-2'" in refused(tmp_path, "--config", "my.toml", SEED="-2")
    assert "--seed is '-3'" in refused(tmp_path, "--config", "my.toml", "--seed", "-3", SEED="-2")


def test_a_wrong_url_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    sentence = refused(tmp_path, TARGET_REDIS_URL="redis://localhost:port")
    assert "TARGET_REDIS_URL" in sentence
    assert "serving" not in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "runs").exists()


def test_an_unknown_command(tmp_path: Path) -> None:
    assert "'rum' is not a command; did you mean run?" in refused_by("rum", tmp_path)


ASKING = ("health", "metrics", "stats", "logs", "stop")


@contextlib.contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """A server that answers anything with these bytes; its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def http_reply(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        *((name, http_reply(b"<html>hello</html>")) for name in ASKING),
        ("health", b""),
        ("metrics", b"\xff\xfe garbage\r\n\r\n"),
        ("stats", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless"),
        ("logs", http_reply(b'["a list"]')),
        ("stop", http_reply(b"\xff")),
    ],
)
def test_asking_something_that_is_not_a_run(tmp_path: Path, name: str, reply: bytes) -> None:
    with answering(reply) as address:
        assert f"BIND_ADDRESS {address} is not redis-rehearsal" in refused_by(name, tmp_path, BIND_ADDRESS=address)


@pytest.mark.parametrize("address", ["a b:1", "x", "h:99999", "http://h:1"])
def test_asking_at_what_is_no_address(tmp_path: Path, address: str) -> None:
    assert "BIND_ADDRESS is " in refused_by("health", tmp_path, "--bind-address", address)


@pytest.mark.parametrize("name", ASKING)
def test_asking_takes_its_address_from_the_file_and_leaves_other_settings(tmp_path: Path, name: str) -> None:
    (tmp_path / "my.toml").write_text("bind_address = '127.0.0.1:1'\nduration = 3\nqueries_per_second = 7\n")
    environment = {name: value for name, value in os.environ.items() if name != "BIND_ADDRESS"}
    result = subprocess.run(
        [sys.executable, "-m", "redis_rehearsal", name, "--config", "my.toml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "127.0.0.1:1 (Connection refused)" in result.stderr


def test_asking_with_a_file_that_has_something_else(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("speed = 3\n")
    assert "'speed', which is not a setting" in refused_by("health", tmp_path, "--config", "my.toml")


@pytest.mark.parametrize(
    ("redirection", "code", "complaint"),
    [
        (">/dev/full", 4, "The output could not be written: No space left on device."),
        (">&-", 4, "The output could not be written: Bad file descriptor."),
        (">/dev/full 2>/dev/full", 4, ""),
        ("2>&-", 0, ""),
    ],
)
@pytest.mark.parametrize("arguments", ["--version", "run --help"])
def test_output_that_cannot_be_written(redirection: str, code: int, complaint: str, arguments: str) -> None:
    result = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m redis_rehearsal {arguments} {redirection}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code
    assert result.stderr == (f"redis-rehearsal: {complaint}\n" if complaint else "")


def test_a_complaint_that_nobody_can_read_has_its_exit_code() -> None:
    for redirection in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        line = f"exec {sys.executable} -m redis_rehearsal health --bind-address x {redirection}"
        assert subprocess.run(["/bin/sh", "-c", line], check=False).returncode == 2


def test_cleaning_where_there_is_nothing(tmp_path: Path) -> None:
    result = run_to_the_end(tmp_path, "clean", TMPDIR=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("There was nothing to remove")
    assert result.stdout.count("\n") == 1


def test_cleaning_a_schema_that_the_user_may_not_drop(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    try:
        asyncio.run(_make_a_schema_of_somebody_else(server.url))
        url = server.url.replace("postgres:@", "visitor:geheim@")
        sentence = refused_by("clean", tmp_path, TMPDIR=str(tmp_path), DATABASE_URL=url)
    finally:
        server.stop()
    assert sentence.startswith("redis-rehearsal: The database postgresql://")
    assert "must be owner of schema analytics" in sentence
    assert "geheim" not in sentence


async def _make_a_schema_of_somebody_else(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA analytics; COMMENT ON SCHEMA analytics IS 'redis-rehearsal'")
    await connection.execute("CREATE ROLE visitor LOGIN PASSWORD 'geheim'")
    await connection.close()


def test_an_address_in_use(tmp_path: Path, source: RedisServer) -> None:
    assert "is in use" in refused(tmp_path, BIND_ADDRESS=f"127.0.0.1:{source.port}")


def test_the_same_server_twice(tmp_path: Path, source: RedisServer) -> None:
    assert "must differ" in refused(tmp_path, REDIS_URL=source.url, TARGET_REDIS_URL=source.url)


def test_a_wrong_password(tmp_path: Path, make_server: MakeServer) -> None:
    server = make_server("--requirepass", "right")
    sentence = refused(tmp_path, REDIS_URL=f"redis://:wrong@127.0.0.1:{server.port}")
    assert f"127.0.0.1:{server.port}" in sentence
    assert "wrong" not in sentence.replace("WRONGPASS", "")


def test_a_server_that_gives_too_few_connections(
    tmp_path: Path, make_server: MakeServer, given: dict[str, str]
) -> None:
    server = make_server("--maxclients", "12")
    sentence = refused(tmp_path, **(given | {"REDIS_URL": server.url, "REDIS_POOL_SIZE": "20"}))
    assert f"redis://127.0.0.1:{server.port}/0" in sentence
    assert "of 40 connections (ERR max number of clients reached)" in sentence
    assert list((tmp_path / "runs").iterdir()) == []


def test_one_server_under_two_names(tmp_path: Path, source: RedisServer) -> None:
    other = source.url.replace("127.0.0.1", "localhost")
    assert "lead to the same server" in refused(tmp_path, REDIS_URL=source.url, TARGET_REDIS_URL=other)


def test_something_that_is_not_a_redis(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            sentence = refused(tmp_path, REDIS_URL=f"redis://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            serving.join()
    assert f"redis://127.0.0.1:{server.server_port}/0" in sentence


def test_help_names_the_flags_the_variables_and_the_platforms(tmp_path: Path) -> None:
    result = run_to_the_end(tmp_path, "run", "--help", COLUMNS="200")
    assert result.returncode == 0
    for part in ("--events-per-second", "EVENTS_PER_SECOND", "Python 3.11 or 3.12 on x86-64 Linux"):
        assert part in result.stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"REDIS_URL": "redis://u:geheim@127.0.0.1:1"}, "redis://127.0.0.1:1/0"),
        ({"BIND_ADDRESS": "192.0.2.1:3000"}, "192.0.2.1:3000"),
    ],
)
def test_what_did_not_begin_does_not_pass_in_ci(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    junit = tmp_path / "verdict.xml"
    last = refused_by("rehearse", tmp_path, "--strategy", "copy", "--junit", str(junit), **settings)
    (suite,) = JUnitXml.fromfile(str(junit))
    ((error,),) = (case.result for case in suite)
    assert (suite.tests, suite.errors, suite.failures) == (1, 1, 0)
    assert words in error.message
    assert error.message in last
    assert "geheim" not in junit.read_text()


@pytest.mark.parametrize("place", ["nowhere/verdict.xml", "."])
def test_where_junit_xml_cannot_be_written_nothing_begins(tmp_path: Path, place: str) -> None:
    assert f"--junit {place}" in refused_by("rehearse", tmp_path, "--strategy", "copy", "--junit", place)
    assert not (tmp_path / "runs").exists()


def test_that_nobody_reads_it_any_more_ends_no_rehearsal(tmp_path: Path, given: dict[str, str]) -> None:
    """As `rehearse 2>&1 | head -1` does: what it says goes nowhere, and its exit code stays that of its verdict."""
    arguments = ("rehearse", "--strategy", "cold", "--load", "low", "--baseline", "1s", "--observe", "1s")
    program = [sys.executable, "-m", "redis_rehearsal", *arguments, "--report", "left"]
    reading, writing = os.pipe()
    with subprocess.Popen(program, cwd=tmp_path, env=os.environ | given, stdout=writing, stderr=writing) as process:
        os.close(writing)
        with os.fdopen(reading) as reader:
            assert reader.readline()
        code = process.wait(100)
    document = json.loads((tmp_path / "left" / "run.json").read_text())
    assert document["complete"]
    assert code == {"pass": 0, "fail": 1, "unknown": 3}[document["verdict"]["status"]]


def test_that_nobody_reads_the_help_is_no_verdict() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "redis_rehearsal", "--help"], stdout=writing, check=False)
    os.close(writing)
    assert done.returncode == 141
