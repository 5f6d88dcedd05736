"""The command line: one file a command."""

import os
import signal
import sys
import traceback

from redis_rehearsal.errors import BUG_EXIT_CODE


def main() -> None:
    """Run the command line and exit with its code."""
    # Until a command has something to bring to an orderly end, it is ended as asked by being gone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    _open_streams()
    try:
        # Here, since it takes a while, in which Ctrl-C must not print a traceback.
        from redis_rehearsal.cli.app import call
    except Exception:  # noqa: BLE001 # a broken installation: exit code 1 would be a verdict
        traceback.print_exc()
        sys.exit(BUG_EXIT_CODE)
    sys.exit(call(sys.argv[1:]))


def _open_streams() -> None:
    # A stream that is closed would be None, and its number go to the next file or socket that is opened.
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    # Output that is asked for must not get lost in silence: what reads only cannot be written. Complaints may.
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 # until the end
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 # until the end
