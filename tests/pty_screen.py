"""A command in a terminal of a certain size, and what stands on it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

_QUIET_SECONDS = 0.15


class Screen:
    """`redis-rehearsal` in a terminal of its own, as an emulator shows it.

    Args:
        directory: where it is run.
        columns: of the terminal.
        lines: of the terminal.
        arguments: of the command.
        settings: its environment.

    Attributes:
        ever: all lines that were seen; what leaves the screen is not in it otherwise.
    """

    def __init__(self, directory: Path, columns: int, lines: int, *arguments: str, **settings: str) -> None:
        self._master, slave = pty.openpty()
        self.ever: set[str] = set()
        self._emulator = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._emulator)
        self._resize(columns, lines)
        names = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR")
        environment = {name: os.environ[name] for name in names if name in os.environ}
        environment |= {"BIND_ADDRESS": "127.0.0.1:0", "RUN_DIR": str(directory / "runs"), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redis_rehearsal", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment | settings,
            cwd=directory,
            start_new_session=True,
        )
        os.close(slave)

    def _resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window."""
        self._emulator.resize(lines, columns)
        self._resize(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def look(self) -> list[str]:
        """What stands there once nothing more is written for a moment."""
        while select.select([self._master], [], [], _QUIET_SECONDS)[0]:
            try:
                content = os.read(self._master, 1 << 16)
            except OSError:  # it has ended
                break
            if not content:
                break
            self._stream.feed(content)
        lines = [line.rstrip() for line in self._emulator.display]
        self.ever.update(lines)
        return lines

    def until(self, condition: Callable[[list[str]], object], what: str, seconds: float = 90) -> list[str]:
        """Look until a condition holds of what stands there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self.look()
            if condition(lines):
                return lines
            assert self.process.poll() is None, "\n".join(lines)
        raise AssertionError(f"{what}: not within {seconds} s\n" + "\n".join(self.look()))

    def close(self) -> None:
        """End it if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
