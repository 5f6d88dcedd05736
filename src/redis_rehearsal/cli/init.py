"""`redis-rehearsal init`: a scenario to begin with."""

import sys
from pathlib import Path

from redis_rehearsal.cli.scenario import scenario_text
from redis_rehearsal.errors import ConfigurationError


def init(file: Path = Path("rehearsal.toml"), /) -> int:
    """Write a scenario, a TOML file with every key of a rehearsal and what it means; `--config` takes it.

    Exit codes: 0 written, 2 it could not be, or there is a file of this name.

    Args:
        file: Its name; a file that is there is not overwritten.
    """
    try:
        with file.open("x", encoding="utf-8") as made:
            made.write(scenario_text())
    except FileExistsError:
        raise ConfigurationError(f"The file {file} is there already; name another one.") from None
    except OSError as error:
        raise ConfigurationError(f"The file {file} cannot be written: {error.strerror}.") from None
    sys.stdout.write(f"Wrote {file}. Next: redis-rehearsal rehearse --config {file}\n")
    return 0
