"""The application: its commands, and what their errors become."""

import sys

import cyclopts
from cyclopts import CycloptsError
from pydantic import ValidationError

from redis_rehearsal import __version__
from redis_rehearsal.cli import clean, instance, migrate, run, set_load, status, switch
from redis_rehearsal.cli.client import OPTIONS
from redis_rehearsal.cli.config import take_config
from redis_rehearsal.errors import RehearsalError
from redis_rehearsal.migration.explain import explain as explain_options
from redis_rehearsal.settings import explain

USAGE_EXIT_CODE = 2


def make_app() -> cyclopts.App:
    """The command `redis-rehearsal`."""
    app = cyclopts.App(
        name="redis-rehearsal",
        help="Rehearse moving a live Redis to another one under a realistic load, and prove what happened.",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
    )
    app.command(run.run, name="run")
    app.command(clean.clean, name="clean")
    for command in (instance.health, instance.metrics, instance.stats, instance.logs, instance.stop):
        app.command(command)
    app.command(migrate.migrate)
    app.command(switch.switch)
    app.command(status.status)
    app.command(set_load.set_load, name="set")
    return app


def call(arguments: list[str]) -> int:
    """Run a command line.

    Returns:
        The exit code.
    """
    app = make_app()
    try:
        tokens, app.config = take_config(arguments)
        code = app(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        cause = error.__cause__
        model = OPTIONS.get((error.command_chain or ("",))[0])
        if isinstance(cause, ValidationError):
            sentence = explain_options(cause, model) if model else explain(cause)
        else:
            sentence = " ".join(str(error).split())
        _complain(sentence)
        return USAGE_EXIT_CODE
    except RehearsalError as error:
        _complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        return 1  # who read our output has gone
    return code if isinstance(code, int) else 0


def _complain(sentence: str) -> None:
    sys.stderr.write(f"redis-rehearsal: {sentence}\n")
