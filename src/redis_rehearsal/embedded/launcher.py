"""Becomes a program that ends with the process that started it, also where that is killed.

Run by its path, without the package: SIGNAL PARENT USER PROGRAM ARGUMENT...

SIGNAL is what the program is sent when its parent is gone. PARENT is the parent's process id: where it has gone
already, nothing is started. USER is empty, or a user whose name the program is to see as its own, though it stays who
it is: PostgreSQL refuses to run as root, and in a user namespace of its own it does not see that it does. No rights
are gained by that, and no file has to be opened to another user.
"""

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
_NEW_USER_NAMESPACE = 0x10000000
REFUSED = 78
"""Exit code: there may be no such namespace here. EX_CONFIG of BSD's sysexits.h."""


def main(arguments: list[str]) -> None:
    """Become the program."""
    number, parent, user, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if user:
        _see_oneself_as(user, libc)
    if sys.platform == "linux":
        # After the change of user, which would take it back.
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.Signals[number]), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(0)
    os.execv(command[0], command)  # noqa: S606 # what we were started for


def _see_oneself_as(user: str, libc: ctypes.CDLL) -> None:
    entry, uid, gid = pwd.getpwnam(user), os.geteuid(), os.getegid()
    if libc.unshare(_NEW_USER_NAMESPACE):
        sys.exit(REFUSED)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{entry.pw_uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{entry.pw_gid} {gid} 1")
    except OSError:
        sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
