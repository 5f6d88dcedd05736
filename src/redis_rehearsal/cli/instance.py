"""Commands that ask or end a run that is going on, over its HTTP address."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import psutil
from cyclopts import Parameter
from pydantic import SecretStr

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import BrokenError, ConfigurationError
from redis_rehearsal.groups import OUTPUT

_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1

Address = Annotated[str, Parameter(env_var="BIND_ADDRESS"), OUTPUT]
DEFAULT_ADDRESS: Final = "127.0.0.1:3000"


def health(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the state of a run and its servers; exit code 1 where one that is needed is away.

    Args:
        bind_address: Where the run serves HTTP.
    """
    healthy, document = Client(bind_address, None).health()
    sys.stdout.write(f"{json.dumps(document, indent=2, ensure_ascii=False)}\n")
    return 0 if healthy else 1


def metrics(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print a run's metrics as Prometheus reads them.

    Args:
        bind_address: Where the run serves HTTP.
    """
    _print(bind_address, None, "/metrics")
    return 0


def stats(*, bind_address: Address = DEFAULT_ADDRESS, control_token: Token = None) -> int:
    """Print the document of a run that is going on, as it is so far.

    Args:
        bind_address: Where the run serves HTTP.
        control_token: The run's token, which another machine needs; better in the environment.
    """
    _print(bind_address, control_token, "/stats")
    sys.stdout.write("\n")
    return 0


def _print(address: str, token: SecretStr | None, path: str) -> None:
    client = Client(address, token)
    client.check()
    sys.stdout.write(client.page(path).decode(errors="replace"))


def logs(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the log of a run that is going on.

    Args:
        bind_address: Where the run serves HTTP.
    """
    directory = Client(bind_address, None).health()[1]["run_directory"]
    if directory is not None:
        path = Path(directory) / "run.log"
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ConfigurationError(f"The run's log {path} cannot be read here: {error.strerror}.") from None
        sys.stdout.write(text)
    return 0


def stop(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """End a run in an orderly way and wait until it has ended.

    Args:
        bind_address: Where the run serves HTTP.
    """
    pid = int(Client(bind_address, None).health()[1]["pid"])
    try:
        process = psutil.Process(pid)
        if not any("rehearsal" in part for part in process.cmdline()):
            raise ConfigurationError(f"The run at {bind_address} is not on this machine; stop it there.")
        process.terminate()
        deadline = monotonic() + _STOP_SECONDS
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if monotonic() > deadline:
                raise BrokenError(f"The run (process {pid}) has not ended within {_STOP_SECONDS:g} s.")
            time.sleep(_POLL_SECONDS)
    except psutil.AccessDenied:
        raise ConfigurationError(f"The run is process {pid} of another user, who must stop it.") from None
    except psutil.NoSuchProcess:
        pass  # it has ended meanwhile
    sys.stdout.write(f"The run (process {pid}) has ended.\n")
    return 0
