"""Programs of ours that end with us."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")


def launched(command: list[str], last_signal: str, user: str = "") -> list[str]:
    """The command line that starts a program which is sent a signal when this process has gone, however it went.

    Args:
        command: program and arguments.
        last_signal: name of the signal, such as SIGTERM.
        user: as whom the program is to see itself; empty for who we are.
    """
    return [sys.executable, "-I", "-S", str(LAUNCHER), last_signal, str(os.getpid()), user, *command]


def start(
    command: list[str],
    last_signal: str,
    directory: Path,
    user: str = "",
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own that ends with this process.

    Only of the main thread: the system takes the end of the thread that starts it for the end of its parent.

    Args:
        command: program and arguments.
        last_signal: that it is sent when this process has gone.
        directory: in which it runs.
        user: as whom it is to see itself; empty for who we are.
        output: of both its streams.

    Raises:
        OSError: it cannot be started.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a program that is to end with us must be started by the main thread")
    return subprocess.Popen(  # noqa: S603 # our own server
        launched(command, last_signal, user),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=directory,
        start_new_session=True,
    )
