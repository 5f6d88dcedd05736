"""The TOML file: `--config FILE`, for every command, before or after its name."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import cyclopts
from pydantic import BaseModel

from redis_rehearsal.cli.client import OPTIONS
from redis_rehearsal.cli.written import Written
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.migration import explain as options_explain
from redis_rehearsal.migration.options import RehearsalOptions
from redis_rehearsal.settings import Settings, allowed

_FLAG: Final = "--config"


def take_config(tokens: list[str], commands: Iterable[str]) -> tuple[Written, Any]:
    """Take `--config FILE` out of a command line.

    Args:
        tokens: of the command line.
        commands: the names that there are.

    Returns:
        What was written, and what cyclopts is to read beside the tokens.

    Raises:
        ConfigurationError: the file cannot be used, or has a key that the command does not have.
    """
    rest: list[str] = []
    paths: list[Path] = []
    remaining = iter(tokens)
    for token in remaining:
        if token == _FLAG:
            value = next(remaining, None)
            if value is None:
                raise ConfigurationError("--config needs the name of a TOML file.")
            paths.append(Path(value))
        elif token.startswith(f"{_FLAG}="):
            paths.append(Path(token.removeprefix(f"{_FLAG}=")))
        else:
            rest.append(token)
    if not paths:
        return Written(rest), ()
    if len(paths) > 1:
        raise ConfigurationError("--config is given more than once; give it once.")
    command = next((token for token in rest if token in commands), "")
    content = _read(paths[0], command)
    # Under the name of its command, since cyclopts leaves out what is named as a command beside it. A command that asks
    # a run takes from the settings of the run where it is, and leaves the others.
    if command == "rehearse":
        # One file is for `run` as well, which ends after it; a rehearsal ends with its verdict.
        content.pop("duration", None)
    written = Written(rest, paths[0], content)
    return written, cyclopts.config.Dict({command: content}, allow_unknown=True)


def _read(path: Path, command: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file {path} is not TOML: {error}.") from None
    options = OPTIONS.get(command)
    for key, value in content.items():
        field = key.replace("-", "_")
        of_command = options is not None and field in options.model_fields
        # A scenario is given to every command, which takes of it what is its own.
        of_rehearsal = field in RehearsalOptions.model_fields
        if field not in Settings.model_fields and not of_rehearsal and not of_command:
            raise ConfigurationError(
                f"The file {path} has the key {key[:40]!r}, which {_whose(field, command)}.".replace("?.", "?")
            )
        if (of_command or of_rehearsal) and isinstance(value, list) and all(isinstance(part, str) for part in value):
            continue
        if not isinstance(value, str | int | float | bool):
            kind = "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "a date or time"
            must = _must(field, options if of_command else RehearsalOptions if of_rehearsal else None)
            raise ConfigurationError(f"The file {path} gives {field.upper()} {kind}; it must be {must}.")
    return content


def _whose(field: str, command: str) -> str:
    others = [name for name, model in OPTIONS.items() if field in model.model_fields]
    if not others:
        known = [*Settings.model_fields, *RehearsalOptions.model_fields]
        similar = difflib.get_close_matches(field, known, n=1)
        return f"is not a setting; did you mean {similar[0]}?" if similar else "is not a setting"
    return f"{command or 'this command'} does not have; it is for {', '.join(others)}"


def _must(field: str, options: type[BaseModel] | None) -> str:
    return allowed(field) if options is None else options_explain.allowed(options, field)
