"""The application: its commands, and what their errors become."""

import contextlib
import difflib
import errno
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import cyclopts
from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)
from pydantic import BaseModel, ValidationError

from redis_rehearsal import __version__
from redis_rehearsal.cli.client import OPTIONS
from redis_rehearsal.cli.config import take_config
from redis_rehearsal.cli.written import Written
from redis_rehearsal.clock import unix
from redis_rehearsal.errors import BUG_EXIT_CODE, BrokenError, ConfigurationError, RehearsalError
from redis_rehearsal.migration import explain as options_explain
from redis_rehearsal.migration.options import RehearsalOptions
from redis_rehearsal.migration.plugins import refuse_broken
from redis_rehearsal.settings import Settings, allowed, explain, refusal, shown
from redis_rehearsal.telemetry.logging import abandon
from redis_rehearsal.urls import without_passwords

USAGE_EXIT_CODE: Final = 2
_BROKEN_PIPE_EXIT_CODE: Final = 141
"""As a shell reports SIGPIPE."""
_FRAMES_SHOWN: Final = 6
_COMMANDS: Final = {
    "run": "run:run",
    "rehearse": "rehearse:rehearse",
    "init": "init:init",
    "dashboards": "dashboards:dashboards",
    "clean": "clean:clean",
    "compare": "compare:compare",
    "report": "report:report",
    "view": "view:view",
    "preflight": "preflight:preflight_command",
    **{name: f"instance:{name}" for name in ("health", "metrics", "stats", "logs", "stop")},
    "migrate": "migrate:migrate",
    "switch": "switch:switch",
    "reset": "reset:reset",
    "status": "status:status",
    "set": "set_load:set_load",
}
_WITH_PLUGINS: Final = ("run", "rehearse", "migrate", "preflight", "init")
"""Commands that need all that other packages declare; the others go on where that is broken."""
_EXAMPLES: Final = {
    "run": ("run --load high", "run --config rehearsal.toml"),
    "rehearse": (
        "rehearse --strategy replicate",
        "rehearse --config rehearsal.toml  # a scenario, which redis-rehearsal init writes",
        "rehearse --strategy all --load high",
        "rehearse --strategy copy --max-event-downtime 1s --junit verdict.xml",
        "rehearse --strategy external --command './my-tool.sh'",
    ),
    "migrate": (
        "migrate --strategy copy",
        "migrate --config rehearsal.toml",
        "migrate --strategy replicate --then rollback",
    ),
    "init": ("init", "init staging.toml"),
    "report": ("report", "report runs/* --format html --output strategies.html"),
    "compare": ("compare redis://old:6379 redis://new:6379 --match 'app:*'",),
    "preflight": ("preflight redis://old:6379 redis://new:6379 --strategy replicate",),
    "switch": ("switch --to target", "switch --to redis://new:6379 --rollout 10s"),
    "set": ("set --queries-per-second 500", "set --query-mix 50/30/20"),
}
_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_ARGUMENTS: Final = {
    "preflight": "a source, a target and flags",
    "compare": "two URLs and flags",
    "report": "directories and flags",
    "init": "the name of a file",
}
_HELP: Final = frozenset({"--help", "-h"})
_NEGATIVE = re.compile(r"-[0-9.]")


def make_app(*, lazily: bool = False) -> cyclopts.App:
    """The command `redis-rehearsal`.

    Args:
        lazily: whether a command is loaded only when it is called.
    """
    app = cyclopts.App(
        name="redis-rehearsal",
        help="Rehearse moving a live Redis to another one under a realistic load, and prove what happened.",
        version=__version__,
        help_format="markdown",
        help_epilogue="`redis-rehearsal help COMMAND` says more of a command; begin with `rehearse --strategy cold`.",
        result_action="return_value",
    )
    for name, place in _COMMANDS.items():
        module, _, function = f"redis_rehearsal.cli.{place}".partition(":")
        # By name, a command loads only what it needs; but of one that is not loaded there is nothing to say in a list.
        app.command(
            f"{module}:{function}" if lazily else getattr(import_module(module), function),
            name=name,
            help_prologue=_prologue(name),
            help_epilogue="",
        )
    app.command(_help_of(app), name="help")
    app.meta.default(_of_every_command)
    app.register_install_completion_command(name="--install-completion")
    return app


def _of_every_command(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Annotated[Path | None, Parameter(group="Every command")] = None,
) -> None:
    """Say in the help, and to shells that complete, what `take_config` takes before a command line is read.

    Args:
        tokens: Of the command.
        config: A TOML file, as `init` writes one: settings, and how to rehearse. Flags prevail over it.
    """


def _prologue(command: str) -> str:
    lines = "\n".join(f"    redis-rehearsal {example}" for example in _EXAMPLES.get(command, ()))
    return f"Examples:\n\n{lines}\n" if lines else ""


def _help_of(app: cyclopts.App) -> Callable[..., int]:
    def show(*command: str) -> int:
        """Say what a command does, and what can be given to it.

        Args:
            command: Its name. Default: all commands.
        """
        if command and command[0] not in (*_COMMANDS, "help"):
            raise ConfigurationError(_no_command(command[0], [*_COMMANDS]))
        app.help_print(command[:1])
        return 0

    return show


def call(arguments: list[str]) -> int:
    """Run a command line.

    Returns:
        The exit code.
    """
    try:
        code = _call(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the latter is how what prints the help leaves then
        code = _BROKEN_PIPE_EXIT_CODE  # who read our output has gone
        abandon(sys.stdout)
    except OSError as error:
        # Of a file the name would be known; of a server all but these are dealt with where they arise.
        if error.filename is not None or error.errno not in _OUTPUT_ERRORS:
            code = _own_up(error)
        else:
            abandon(sys.stdout)
            _complain(f"The output could not be written: {error.strerror}.")
            code = BrokenError.exit_code
    except Exception as error:  # noqa: BLE001 # whatever it is, its exit code must not be one of a verdict
        code = _own_up(error)
    return code


def _own_up(error: Exception) -> int:
    # Its text may hold a URL with its password; the places are what a developer needs.
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_SHOWN:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    _complain(f"An error in the tool itself, of the kind {type(error).__name__}, at {places}. Please report it.")
    return BUG_EXIT_CODE


def _call(arguments: list[str]) -> int:
    # What lists all commands needs all of them.
    app = make_app(lazily=bool(arguments) and arguments[0] in (*_COMMANDS, "--version"))
    written, began = Written(arguments), unix()
    try:
        if not _HELP.intersection(arguments) and _command_of(arguments) in _WITH_PLUGINS:
            refuse_broken()
        written, app.config = take_config(arguments, _COMMANDS)
        code = app(list(written.tokens), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _refuse(written, written.put_right(_usage(error)), USAGE_EXIT_CODE, began)
    except ValidationError as error:
        return _refuse(written, written.put_right(_explain(error)), USAGE_EXIT_CODE, began)
    except RehearsalError as error:
        return _refuse(written, str(error), error.exit_code, began)
    return code if isinstance(code, int) else 0


def _command_of(tokens: Sequence[str]) -> str:
    return next((token for token in tokens if token in _COMMANDS), "")


def _refuse(written: Written, sentence: str, exit_code: int, began_unix_seconds: float) -> int:
    """Say why nothing came about, to a system for CI too where it is to be handed on; returns the exit code."""
    _complain(sentence)
    junit = written.value_of("junit")
    command = _command_of(written.tokens)
    if junit and command in ("rehearse", "migrate"):
        # Loading it takes half a second.
        from redis_rehearsal.cli.handing_on import hand_on_refusal

        with contextlib.suppress(RehearsalError):  # it is said already that nothing came about
            strategy = written.value_of("strategy") or "rehearsal"
            hand_on_refusal(Path(junit), without_passwords(strategy), without_passwords(sentence), began_unix_seconds)
    return exit_code


def _usage(error: CycloptsError) -> str:
    """One sentence on a command line that cannot be read.

    The library's own text is not used where it would show a value, since that may be a URL with its password.
    """
    command = " ".join(error.command_chain or ())
    see = f"see redis-rehearsal {command} --help" if command else "see redis-rehearsal --help"
    field = error.argument.field_info.name if error.argument else ""
    options = OPTIONS.get(command)
    if isinstance(error.__cause__, ValidationError):
        return _explain(error.__cause__)
    if isinstance(error, CoercionError) and error.token is not None:
        value = error.token.value
        if _is_known(options, field):
            return _refusal(options, field, value)
        if choices := get_args(error.argument.hint) if error.argument else ():
            return f"{error.token.keyword} is {shown(value)}; it must be one of {', '.join(map(str, choices))}."
        return f"{error.token.keyword} takes no value, and was given {shown(value)}."
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        flag = error.argument.name
        value = next((value for name, value in pairwise(error.unused_tokens or ()) if name == flag), "")
        for token in error.unused_tokens or ():
            name = token.partition("=")[0]
            known = name.removeprefix("--").replace("-", "_") in {
                *Settings.model_fields,
                *RehearsalOptions.model_fields,
            }
            if not known and name != flag and difflib.get_close_matches(name, [flag], cutoff=0.8):
                return f"{shown(name)} is not a flag of {command}; did you mean {flag}?"
        # What looks like a flag is not taken for a value.
        if _NEGATIVE.match(value):
            return _refusal(options, field, value)
        what = _allowed(options, field) if _is_known(options, field) else _of_hint(error.argument.hint)
        return f"{flag} needs a value: {what}."
    if isinstance(error, RepeatArgumentError):
        return f"{error.token.keyword} is given more than once; give it once."
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        takes = _ARGUMENTS.get(command, "flags")
        return f"{command} takes only {takes}, and {shown(error.unused_tokens[0])} is none; {see}."
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        commands = [name for name in error.app or () if not name.startswith("-")]
        return _no_command(error.unused_tokens[0], commands)
    if isinstance(error, UnknownOptionError):
        flag = error.token.keyword or error.token.value
        flags = [name for argument in error.argument_collection for name in argument.names]
        similar = difflib.get_close_matches(flag, flags, n=1)
        return f"{shown(flag)} is not a flag of {command}; {f'did you mean {similar[0]}?' if similar else f'{see}.'}"
    return f"The command line cannot be read; {see}."


def _no_command(given: str, commands: list[str]) -> str:
    similar = difflib.get_close_matches(given, commands, n=1)
    offered = f"did you mean {similar[0]}?" if similar else f"the commands are {', '.join(commands)}."
    return f"{shown(given)} is not a command; {offered}"


def _explain(error: ValidationError) -> str:
    # The title of a model that is checked as a whole has its name in it.
    model = next((model for model in OPTIONS.values() if model.__name__ in error.title), None)
    return explain(error) if model is None else options_explain.explain(error, model)


def _is_known(options: type[BaseModel] | None, field: str) -> bool:
    return field in Settings.model_fields or (options is not None and field in options.model_fields)


def _of_hint(hint: Any) -> str:
    """What a flag of a command alone may be, from its type."""
    if hint is Path or Path in get_args(hint):
        return "a path"
    choices = [each for each in get_args(hint) if isinstance(each, str)]
    return f"one of {', '.join(choices)}" if choices else "text"


def _allowed(options: type[BaseModel] | None, field: str) -> str:
    if options is None or field not in options.model_fields:
        return allowed(field)
    return options_explain.allowed(options, field)


def _refusal(options: type[BaseModel] | None, field: str, value: str) -> str:
    if options is None or field not in options.model_fields:
        return refusal(field, value)
    return f"{options_explain.as_flag(field)} is {shown(value)}; it must be {_allowed(options, field)}."


def _complain(sentence: str) -> None:
    line = " ".join(without_passwords(sentence).split())  # what servers say may have several
    try:
        sys.stderr.write(f"redis-rehearsal: {line}\n")
        sys.stderr.flush()
    except OSError:  # the exit code says it, too
        abandon(sys.stderr)
