import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from redis_rehearsal.cli import runtime_file
from redis_rehearsal.cli.runtime_file import RuntimeFile, resolved
from redis_rehearsal.errors import ConfigurationError

SOURCE, TARGET = "redis://:geheim@127.0.0.1:1/0", "redis://:auch@127.0.0.1:2/0"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_only_its_user_can_read_it_and_it_goes_with_the_run(place: Path) -> None:
    file = RuntimeFile("127.0.0.1:3000")
    file.tell(source=SOURCE, target=TARGET)
    (path,) = place.glob("*/instances/*")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o700 for each in list(path.parents)[:2])
    file.tell(source=TARGET, target=SOURCE)
    assert file.urls()["source"].get_secret_value() == TARGET
    file.remove()
    assert not list(place.glob("*/instances/*"))


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("127.0.0.1:3000", "localhost:3000"),
        ("0.0.0.0:3000", "127.0.0.1:3000"),
        ("[::]:3000", "[::1]:3000"),
        ("[::1]:3000", "[::1]:3000"),
    ],
)
def test_it_is_found_by_the_address_at_which_the_run_is_asked(listens: str, asked: str) -> None:
    RuntimeFile(listens).tell(source=SOURCE, target=TARGET)
    assert resolved(SecretStr("source"), asked) == SecretStr(SOURCE)
    assert resolved(SecretStr("target"), asked) == SecretStr(TARGET)
    with pytest.raises(ConfigurationError, match="No run of yours"):
        resolved(SecretStr("target"), "127.0.0.1:3001")


def test_what_is_told_later_stands_beside_what_was_told_before() -> None:
    file = RuntimeFile("127.0.0.1:3000")
    file.tell(token="geheimnis", link="http://127.0.0.1:3000/#token=geheimnis")
    asked = RuntimeFile("localhost:3000")
    with pytest.raises(ConfigurationError, match="has no source yet; it is starting"):
        asked.urls()
    file.tell(source=SOURCE, target=TARGET)
    assert asked.token() == SecretStr("geheimnis")
    assert asked.link().get_secret_value().endswith("#token=geheimnis")
    assert asked.urls()["target"] == SecretStr(TARGET)
    assert RuntimeFile("127.0.0.1:3001").token() is None
    with pytest.raises(ConfigurationError, match="No run of yours"):
        RuntimeFile("127.0.0.1:3001").link()


def test_what_is_a_url_stays_one() -> None:
    assert resolved(SecretStr(SOURCE), "127.0.0.1:3000") == SecretStr(SOURCE)
    assert resolved(None, "127.0.0.1:3000") is None


def test_what_a_killed_run_left_says_nothing_and_goes(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    RuntimeFile("127.0.0.1:3000").tell(source=SOURCE, target=TARGET)
    monkeypatch.setattr("psutil.pid_exists", lambda pid: pid != os.getpid())
    with pytest.raises(ConfigurationError, match="No run of yours"):
        RuntimeFile("127.0.0.1:3000").urls()
    runtime_file.remove_stale()
    assert not list(place.glob("*/instances/*"))
