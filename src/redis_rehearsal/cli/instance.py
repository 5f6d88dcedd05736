"""Commands that ask or end a run that is going on, over its HTTP address."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
from cyclopts import Parameter

from redis_rehearsal.errors import ConfigurationError

_TIMEOUT_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1

Address = Annotated[str, Parameter(env_var="BIND_ADDRESS")]
DEFAULT_ADDRESS: Final = "127.0.0.1:3000"


def _get(address: str, path: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://{address}{path}")  # always http
    # Never through a proxy: a run listens on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return int(response.status), response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"No run answers at {address} ({error}). Is one going on? --bind-address says where."
        ) from None


def _health(address: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(_get(address, "/health")[1])
    except json.JSONDecodeError:
        document = {}
    if document.get("application") != "redis-rehearsal":
        raise ConfigurationError(f"What answers at {address} is not redis-rehearsal.")
    return document


def health(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the state of a run and its servers; exit code 1 where one that is needed is away.

    Args:
        bind_address: Where the run serves HTTP.
    """
    status, text = _get(bind_address, "/health")
    sys.stdout.write(f"{text}\n")
    return 0 if status == 200 else 1


def metrics(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print a run's metrics as Prometheus reads them.

    Args:
        bind_address: Where the run serves HTTP.
    """
    sys.stdout.write(_get(bind_address, "/metrics")[1])
    return 0


def stats(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the document of a run that is going on, as it is so far.

    Args:
        bind_address: Where the run serves HTTP.
    """
    sys.stdout.write(f"{_get(bind_address, '/stats')[1]}\n")
    return 0


def logs(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the log of a run that is going on.

    Args:
        bind_address: Where the run serves HTTP.
    """
    directory = _health(bind_address)["run_directory"]
    if directory is not None:
        sys.stdout.write((Path(directory) / "run.log").read_text(encoding="utf-8"))
    return 0


def stop(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """End a run in an orderly way and wait until it has ended.

    Args:
        bind_address: Where the run serves HTTP.
    """
    pid = int(_health(bind_address)["pid"])
    try:
        process = psutil.Process(pid)
        if not any("rehearsal" in part for part in process.cmdline()):
            raise ConfigurationError(f"The run at {bind_address} is not on this machine; stop it there.")
        process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                sys.stderr.write(f"The run (process {pid}) has not ended within {_STOP_SECONDS:g} s.\n")
                return 1
            time.sleep(_POLL_SECONDS)
    except psutil.AccessDenied:
        raise ConfigurationError(f"The run is process {pid} of another user, who must stop it.") from None
    except psutil.NoSuchProcess:
        pass  # it has ended meanwhile
    sys.stdout.write(f"The run (process {pid}) has ended.\n")
    return 0
