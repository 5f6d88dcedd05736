"""Wrong values and servers: one sentence, exit code 2, never a traceback."""

from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer
from tests.support import command, run_to_the_end


def refused(tmp_path: Path, *arguments: str, **settings: str) -> str:
    result = run_to_the_end(tmp_path, "run", *arguments, **settings)
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
        (["--events-per-second", "-1"], {}, ["EVENTS_PER_SECOND", "-1", "from 0"]),
        ([], {"QUERIES_PER_SECOND": "many"}, ["QUERIES_PER_SECOND", "many", "a number"]),
        (["--cache-hit-target", "101"], {}, ["CACHE_HIT_TARGET", "101", "to 100"]),
        ([], {"REDIS_URL": "http://localhost"}, ["REDIS_URL", "http", "redis://"]),
        ([], {"REDIS_URL": "redis://127.0.0.1:1"}, ["redis://127.0.0.1:1/0", "REDIS_URL"]),
        ([], {"DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/x"}, ["postgresql://127.0.0.1:1/x"]),
        (["--no-such-flag"], {}, ["--no-such-flag"]),
        (["--config", "nowhere.toml"], {}, ["nowhere.toml"]),
        (["--load", "huge"], {}, ["LOAD", "huge", "ultra, high, demo, low"]),
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
        ("events_per_second = 'fast'", "EVENTS_PER_SECOND"),
        ("organizations = -4", "ORGANIZATIONS"),
    ],
)
def test_wrong_toml(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "my.toml").write_text(content)
    assert expected in refused(tmp_path, "--config", "my.toml")


def test_a_flag_overrides_the_environment_which_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("seed = -1\nworkers = 1\nduration = '1s'\n")
    assert "SEED is '-1'" in refused(tmp_path, "--config", "my.toml")
    assert "SEED is '-2'" in refused(tmp_path, "--config", "my.toml", SEED="-2")
    assert "SEED is '-3'" in refused(tmp_path, "--config", "my.toml", "--seed", "-3", SEED="-2")


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
    assert "of 20 connections (ERR max number of clients reached)" in sentence
    assert list((tmp_path / "runs").iterdir()) == []


def test_one_server_under_two_names(tmp_path: Path, source: RedisServer) -> None:
    other = source.url.replace("127.0.0.1", "localhost")
    assert "lead to the same server" in refused(tmp_path, REDIS_URL=source.url, TARGET_REDIS_URL=other)


def test_something_that_is_not_a_redis(tmp_path: Path) -> None:
    (tmp_path / "http").mkdir()
    with command(tmp_path / "http", "run", "--load", "low") as http:
        address = http.address.removeprefix("http://")
        sentence = refused(tmp_path, REDIS_URL=f"redis://{address}")
    assert f"redis://{address}/0" in sentence


def test_help_names_the_flags_the_variables_and_the_platforms(tmp_path: Path) -> None:
    result = run_to_the_end(tmp_path, "run", "--help", COLUMNS="200")
    assert result.returncode == 0
    for part in ("--events-per-second", "EVENTS_PER_SECOND", "Python 3.11 or 3.12 on x86-64 Linux"):
        assert part in result.stdout
