"""The TOML file: `--config FILE`, for every command, before or after its name."""

import tomllib
from pathlib import Path
from typing import Any, Final

import cyclopts

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.settings import Settings

_FLAG: Final = "--config"


def take_config(tokens: list[str]) -> tuple[list[str], Any]:
    """Take `--config FILE` out of a command line.

    Returns:
        The other tokens, and what cyclopts is to read beside them.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    rest: list[str] = []
    path: Path | None = None
    remaining = iter(tokens)
    for token in remaining:
        if token == _FLAG:
            value = next(remaining, None)
            if value is None:
                raise ConfigurationError("--config needs the name of a TOML file.")
            path = Path(value)
        elif token.startswith(f"{_FLAG}="):
            path = Path(token.removeprefix(f"{_FLAG}="))
        else:
            rest.append(token)
    if path is None:
        return rest, ()
    _check(path)
    return rest, cyclopts.config.Toml(path, must_exist=True, use_commands_as_keys=False)


def _check(path: Path) -> None:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file {path} is not TOML: {error}.") from None
    for key in content:
        if key.replace("-", "_") not in Settings.model_fields:
            raise ConfigurationError(f"The file {path} has the key {key!r}, which is not a setting.")
