"""Where embedded servers keep their files, and how what a killed run left is found.

Every run has a directory in a place common to all runs of the user, and holds a lock on a file in it. The
system drops the lock with the process, so a directory that can be locked belongs to nobody.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

import psutil

from redis_rehearsal.errors import ConfigurationError

_LOCK_FILE: Final = "owner.lock"
_POINTER_FILE: Final = "data-dir"
_STOP_SECONDS: Final = 5.0
SERVER_DIRECTORIES: Final = ("source", "target", "postgres", "prometheus")
"""Of the servers' files, in a run's directory."""
_CLOSED: Final = 0o700
_SOCKETS: Final = "sockets"
_LONGEST_PLACE: Final = 50
_PROGRAMS: Final = ("redis-server", "valkey-server", "postgres", "initdb", "pg_ctl", "prometheus")


def common_place() -> Path:
    """Where the directories of all runs of this user are; see `private`."""
    return Path(tempfile.gettempdir()) / f"redis-rehearsal-{os.getuid()}"


def private(place: Path) -> Path:
    """A directory in a place where others may have made it first: ours, no link, and closed to them.

    Raises:
        ConfigurationError: it is somebody else's, or no directory.
        OSError: it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=_CLOSED)
    # Neither what it is nor whose it is can change between the look and the change of its mode.
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(
            f"{place} is no directory that can be trusted ({error.strerror}). Remove it, or set TMPDIR to a place of "
            "your own."
        ) from None
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            raise ConfigurationError(
                f"{place} belongs to the user with the number {found.st_uid}, who could read and change what a run "
                "keeps there. Remove it, or set TMPDIR to a place of your own."
            )
        if stat.S_IMODE(found.st_mode) != _CLOSED:
            os.fchmod(descriptor, _CLOSED)
    finally:
        os.close(descriptor)
    return place


def journal_place() -> Path:
    """The directory in which this user's runs write down what they change on servers.

    Raises:
        ConfigurationError: it is somebody else's.
        OSError: it cannot be made.
    """
    return private(private(common_place()) / "changed")


def socket_place() -> Path:
    """A new directory with a path that is short enough for a socket, closed to others.

    Raises:
        ConfigurationError: there can be none.
    """
    place = common_place()
    if len(str(place)) > _LONGEST_PLACE:
        place = Path("/tmp") / place.name  # noqa: S108 # ours, and short enough for a socket
    sockets = private(private(place) / _SOCKETS)
    for left in sockets.iterdir():
        # Of a process that was killed.
        if left.name.partition("-")[0].isdigit() and not psutil.pid_exists(int(left.name.partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    return private(sockets / f"{os.getpid()}-{secrets.token_hex(2)}")


class DataDirectory:
    """The files of a run's embedded servers.

    Args:
        keep: a directory of the user's whose files stay; None for one that is removed.

    Raises:
        ConfigurationError: it cannot be made, or another run uses it.
    """

    def __init__(self, keep: Path | None) -> None:
        self._own = common_place() / secrets.token_hex(4)
        self._locks: list[int] = []
        try:
            private(common_place())
            self._own.mkdir(mode=0o700)
            self._locks.append(_lock(self._own))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (self._own / _POINTER_FILE).write_text(str(keep.resolve()))
                self._locks.append(_lock(keep))
        except OSError as error:
            # Nothing that runs in the user's directory is ours before its lock is.
            self._remove_own()
            if isinstance(error, BlockingIOError):
                raise ConfigurationError(f"DATA_DIR {keep} is in use by another run.") from None
            raise ConfigurationError(f"The directory for embedded servers cannot be made: {error}.") from None
        self.path = self._own if keep is None else keep.resolve()
        end_processes(self.path)

    def remove(self) -> None:
        """End what still runs in the directory, and remove it unless it is the user's."""
        end_processes(self.path)
        self._remove_own()

    def _remove_own(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks.clear()


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def end_processes(directory: Path) -> list[int]:
    """End the embedded servers whose files are in a directory; returns the ids of their processes.

    Only programs that we start, and only where we start them: the directory may be the user's.
    """
    # As the system tells of them, without links.
    places = [(directory / name).resolve() for name in SERVER_DIRECTORIES]
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() in _PROGRAMS and Path(process.cwd()) in places:
                found.append(process)
    for process in found:
        with contextlib.suppress(psutil.Error):
            # Wakes one that is stopped, and is an orderly end for Redis and PostgreSQL alike.
            process.resume()
            process.terminate() if "postgres" not in process.name() else process.send_signal(2)
    _, left = psutil.wait_procs(found, timeout=_STOP_SECONDS)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=_STOP_SECONDS)
    return [process.pid for process in found]


def remove_leftovers() -> list[str]:
    """Remove what runs left that were killed: processes, and files unless they are in a DATA_DIR.

    Returns:
        A sentence for each of them.
    """
    removed = []
    if common_place().exists() or common_place().is_symlink():
        private(common_place())
    for directory in sorted(common_place().glob("*/")):
        if not (directory / _LOCK_FILE).exists():
            continue
        try:
            descriptor = _lock(directory)
        except OSError:
            continue  # it is in use, or was removed just now
        try:
            ended = len(end_processes(directory)) + _end_in_pointed(directory / _POINTER_FILE)
            shutil.rmtree(directory, ignore_errors=True)
            removed.append(f"Removed what an earlier run left in {directory} ({ended} processes).")
        finally:
            os.close(descriptor)
    return removed


def _end_in_pointed(pointer: Path) -> int:
    """End what runs in the DATA_DIR of a run that is gone, unless another run uses it by now."""
    try:
        place = Path(pointer.read_text())
        descriptor = _lock(place)
    except OSError:
        return 0  # it had none, or it is in use or gone
    try:
        return len(end_processes(place))
    finally:
        os.close(descriptor)
