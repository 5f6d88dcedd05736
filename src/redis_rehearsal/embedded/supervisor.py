"""Runs a tool of the user's and ends all that comes of it, also where we are killed.

Run by its path, without the package: STATUS PROGRAM ARGUMENT... with a pipe as standard input. The program's exit code
is written to the file descriptor STATUS as soon as it ends. When standard input ends, which it does with whoever
started this, every process that came of the program is ended, whatever session it has put itself into.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_SET_CHILD_SUBREAPER = 36
_TERM_SECONDS = 5.0
_POLL_SECONDS = 0.02


def main(arguments: list[str]) -> None:
    """Run it."""
    status, *command = arguments
    if sys.platform == "linux":
        # What loses its parent becomes a child of ours, and can be found.
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    tool = subprocess.Popen(  # noqa: S603 # what we were started for
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_as_before
    )
    # Its output ends when nobody is left who writes to it.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    told = False
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if tool.poll() is not None and not told:
            code = tool.returncode
            os.write(int(status), str(code if code >= 0 else 128 - code).encode())
            os.close(int(status))
            told = True
        if 0 in ready and not os.read(0, 4096):
            break
    _end_all(tool.pid)


def _as_before() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _end_all(group: int) -> None:
    for number, patience in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _TERM_SECONDS)):
        deadline = time.monotonic() + patience
        _signal(group, _descendants(), number)
        while time.monotonic() < deadline:
            _reap()
            left = _descendants()
            if not left:
                return
            if number == signal.SIGKILL:
                _signal(group, left, number)
            time.sleep(_POLL_SECONDS)


def _signal(group: int, processes: set[int], number: signal.Signals) -> None:
    for each, send in ((group, os.killpg), *((process, os.kill) for process in processes)):
        try:
            send(each, number)
        except OSError:
            continue


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _descendants() -> set[int]:
    """Whoever comes of us and is there; empty where the system does not tell."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before it may hold anything.
            state, parent = place.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != "Z":
            parents[int(place.parent.name)] = int(parent)
    found, new = set(), {os.getpid()}
    while new:
        new = {process for process, parent in parents.items() if parent in new}
        found |= new
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
