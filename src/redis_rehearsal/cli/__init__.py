"""The command line: one file a command."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        # Here, since it takes a while, in which Ctrl-C must not print a traceback.
        from redis_rehearsal.cli.app import call

        code = call(sys.argv[1:])
    except KeyboardInterrupt:
        code = 0  # ended as asked, before anything was started
    sys.exit(code)
