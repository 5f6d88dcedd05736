"""The TOML file: `--config FILE`, for every command, before or after its name."""

import tomllib
from pathlib import Path
from typing import Any, Final

import cyclopts

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.migration import explain as options_explain
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.settings import Settings, allowed

_FLAG: Final = "--config"


def take_config(tokens: list[str]) -> tuple[list[str], Any]:
    """Take `--config FILE` out of a command line.

    Returns:
        The other tokens, and what cyclopts is to read beside them.

    Raises:
        ConfigurationError: the file cannot be used.
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
        return rest, ()
    if len(paths) > 1:
        raise ConfigurationError("--config is given more than once; give it once.")
    # Not each command has a use for each setting, but all of them are known here.
    return rest, cyclopts.config.Dict(_read(paths[0]), allow_unknown=True, use_commands_as_keys=False)


def _read(path: Path) -> dict[str, str | int | float | bool | list[str]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file {path} is not TOML: {error}.") from None
    for key, value in content.items():
        field = key.replace("-", "_")
        of_migration = field in MigrationOptions.model_fields
        if field not in Settings.model_fields and not of_migration:
            raise ConfigurationError(f"The file {path} has the key {key!r}, which is not a setting.")
        if of_migration and isinstance(value, list) and all(isinstance(part, str) for part in value):
            continue
        if not isinstance(value, str | int | float | bool):
            kind = "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "a date or time"
            must = options_explain.allowed(MigrationOptions, field) if of_migration else allowed(field)
            raise ConfigurationError(f"The file {path} gives {field.upper()} {kind}; it must be {must}.")
    return content
