import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from redis_rehearsal.embedded.directory import DataDirectory, common_place, end_processes, remove_leftovers
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.settings import default_source_server
from tests.support import wait_for


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_directory_ends_with_its_processes() -> None:
    directory = DataDirectory(None)
    server = RedisServer(default_source_server(), directory.path / "source")
    server.start()
    directory.remove()
    assert not directory.path.exists()
    wait_for(lambda: not server.running, "the server's end")


def test_a_stopped_process_ends_too(tmp_path: Path) -> None:
    server = RedisServer(default_source_server(), tmp_path / "source")
    server.start()
    psutil.Process(server.pid).suspend()
    assert end_processes(tmp_path) == [server.pid]
    wait_for(lambda: not server.running, "the server's end")


def test_other_processes_in_the_users_directory_are_let_live(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as bystander:  # noqa: S607 # any will do
        assert end_processes(tmp_path) == []
        assert bystander.poll() is None
        bystander.kill()


def test_what_a_killed_run_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time, tempfile; from pathlib import Path\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "from redis_rehearsal.embedded.directory import DataDirectory\n"
        "from redis_rehearsal.embedded.redis_server import RedisServer\n"
        "directory = DataDirectory(None)\n"
        f"server = RedisServer({default_source_server()!r}, directory.path / 'source'); server.start()\n"
        "print(directory.path, server.pid, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        left, pid = run.stdout.readline().split()
        in_use = DataDirectory(None)
        assert remove_leftovers() == []
        run.kill()
    # Servers end with who started them, however that ended.
    wait_for(lambda: not psutil.pid_exists(int(pid)), "the server's end")
    (sentence,) = remove_leftovers()
    assert left in sentence
    assert not Path(left).exists()
    assert in_use.path.exists()
    in_use.remove()


def test_the_users_directory_is_kept_and_cannot_be_used_twice(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    directory = DataDirectory(kept)
    (kept / "file").write_text("data")
    with pytest.raises(ConfigurationError, match="in use"):
        DataDirectory(kept)
    directory.remove()
    assert (kept / "file").read_text() == "data"
    DataDirectory(kept).remove()


def test_a_refused_second_run_and_a_stale_pointer_let_the_first_ones_servers_live(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    directory = DataDirectory(kept)
    server = RedisServer(default_source_server(), directory.path / "source")
    server.start()
    with pytest.raises(ConfigurationError, match="in use"):
        DataDirectory(kept)
    stale = common_place() / "stale"
    stale.mkdir()
    (stale / "owner.lock").touch()
    (stale / "data-dir").write_text(str(kept))
    (sentence,) = remove_leftovers()
    assert "(0 processes)" in sentence
    assert server.running
    assert sorted(path.name for path in common_place().iterdir()) == [directory._own.name]
    directory.remove()
    wait_for(lambda: not server.running, "the server's end")


def test_kept_data_is_there_again(tmp_path: Path) -> None:
    for expected in ("", "kept"):
        server = RedisServer(default_source_server(), tmp_path / "source", keep=True)
        server.start()
        cli = redis.Redis(port=server.port, protocol=2, decode_responses=True)
        assert (cli.get("k") or "") == expected
        cli.set("k", "kept")
        cli.close()
        server.stop()
    assert (tmp_path / "source" / "dump.rdb").exists()
