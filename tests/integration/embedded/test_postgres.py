"""The embedded PostgreSQL: closed to other users, and gone with us."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from redis_rehearsal.embedded.directory import private, socket_place
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.errors import ConfigurationError
from tests.support import wait_for


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def answer(url: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("SELECT 42"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def modes(place: Path) -> dict[Path, int]:
    return {each: stat.S_IMODE(each.stat().st_mode) for each in (place, *place.parents)}


@pytest.mark.parametrize("name", ["plain", "with a space, and 'more'", "long" * 30])
def test_it_answers_wherever_it_is_and_opens_nothing_to_others(tmp_path: Path, name: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = modes(closed) | modes(Path(sys.prefix))
    server = PostgresServer(closed / name / "postgres")
    server.start()
    try:
        assert answer(server.url) == 42
        assert modes(closed) | modes(Path(sys.prefix)) == before
        process = psutil.Process(server.pid)
        listening = [each for each in process.net_connections("unix") if each.laddr]
        assert process.net_connections("inet") == []
        assert process.uids().real == os.geteuid()
        for each in listening:
            place = Path(str(each.laddr)).parent
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
            assert place.stat().st_uid == os.geteuid()
    finally:
        server.stop()
    assert not psutil.pid_exists(server.pid)
    assert modes(closed) | modes(Path(sys.prefix)) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_cannot_reach_it(open_place: Path) -> None:
    server = PostgresServer(open_place / "postgres")
    server.start()
    try:
        # To connect one must be able to reach the socket.
        asked = ["/bin/ls", str(server.directory / ".s.PGSQL.5432")]
        beside = subprocess.run(["/bin/ls", str(open_place)], check=False, user=65_534, group=65_534)
        assert beside.returncode == 0
        mine = subprocess.run(asked, capture_output=True, text=True, check=False)
        theirs = subprocess.run(asked, capture_output=True, text=True, check=False, user=65_534, group=65_534)
    finally:
        server.stop()
    assert mine.returncode == 0, mine.stderr
    assert theirs.stderr.startswith("/bin/ls: cannot access")
    assert "Permission denied" in theirs.stderr


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from redis_rehearsal.embedded.postgres import PostgresServer\n"
        f"server = PostgresServer(Path({str(tmp_path / 'postgres')!r})); server.start()\n"
        "print(server.pid, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        children = psutil.Process(pid).children()
        assert children
        run.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(psutil.pid_exists(each) for each in (pid, *(child.pid for child in children))), "its end")


def test_what_was_kept_is_there_again_after_a_crash_too(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    try:
        for mode in ("fast", "immediate"):
            server.restart(mode)
            assert answer(server.url) == 42
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of somebody else")
def test_a_place_that_somebody_else_made_first_is_not_used(tmp_path: Path) -> None:
    """Others may write to /tmp: what they put there under our name must neither be used nor changed."""
    theirs, victim = tmp_path / "theirs", tmp_path / "victim"
    theirs.mkdir(mode=0o777)
    os.chown(theirs, 65_534, 65_534)
    victim.mkdir(mode=0o755)
    link = tmp_path / "link"
    link.symlink_to(victim)
    for place in (theirs, link):
        with pytest.raises(ConfigurationError, match="set TMPDIR"):
            private(place)
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o755)
    assert stat.S_IMODE(private(mine).stat().st_mode) == 0o700


def test_a_long_place_has_a_short_one_for_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("long" * 30)))
    place = socket_place()
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place / ".s.PGSQL.5432"))
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    finally:
        (place / ".s.PGSQL.5432").unlink()
        place.rmdir()


def test_a_small_shared_memory_is_no_obstacle(tmp_path: Path) -> None:
    # As in a container that was given none: an initdb with the defaults needs more.
    script = (
        "from pathlib import Path\n"
        "from redis_rehearsal.embedded.postgres import PostgresServer\n"
        f"server = PostgresServer(Path({str(tmp_path / 'postgres')!r})); server.start()\n"
        "from tests.integration.embedded.test_postgres import answer\n"
        "print(answer(server.url)); server.stop()\n"
    )
    small = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$0" -c "$1"'
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        pytest.skip("only root can make another /dev/shm")
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", small, sys.executable, script], capture_output=True, text=True, check=False
    )
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this system allows no mount namespace: {done.stderr}")
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
