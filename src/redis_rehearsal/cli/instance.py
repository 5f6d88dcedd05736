"""Commands that ask or end a run that is going on, over its HTTP address."""

import json
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
from cyclopts import Parameter

from redis_rehearsal.errors import BrokenError, ConfigurationError
from redis_rehearsal.settings import Settings

_TIMEOUT_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1

Address = Annotated[str, Parameter(env_var="BIND_ADDRESS")]
DEFAULT_ADDRESS: Final = "127.0.0.1:3000"


def _get(address: str, path: str) -> tuple[int, str]:
    Settings(bind_address=address)  # see that it is one
    request = urllib.request.Request(f"http://{address}{path}")  # always http
    # Never through a proxy: a run listens on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return int(response.status), response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (HTTPException, ConnectionResetError):
        raise _stranger(address) from None
    except (OSError, UnicodeError) as error:  # the latter where a name cannot be one
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        words = getattr(reason, "strerror", None) or "no answer"
        raise ConfigurationError(
            f"No run answers at BIND_ADDRESS {address} ({words}). Is one going on, and BIND_ADDRESS right?"
        ) from None


def _stranger(address: str) -> ConfigurationError:
    return ConfigurationError(
        f"What answers at BIND_ADDRESS {address} is not redis-rehearsal; give the address that the run names."
    )


def _health(address: str) -> tuple[int, dict[str, Any], str]:
    status, text = _get(address, "/health")
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get("application") != "redis-rehearsal":
        raise _stranger(address)
    return status, document, text


def _ask(address: str, path: str) -> str:
    _health(address)
    status, text = _get(address, path)
    if status != 200:
        raise BrokenError(f"The run at {address} answered {path} with status {status}; its log may say why.")
    return text


def health(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the state of a run and its servers; exit code 1 where one that is needed is away.

    Args:
        bind_address: Where the run serves HTTP.
    """
    status, _, text = _health(bind_address)
    sys.stdout.write(f"{text}\n")
    return 0 if status == 200 else 1


def metrics(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print a run's metrics as Prometheus reads them.

    Args:
        bind_address: Where the run serves HTTP.
    """
    sys.stdout.write(_ask(bind_address, "/metrics"))
    return 0


def stats(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the document of a run that is going on, as it is so far.

    Args:
        bind_address: Where the run serves HTTP.
    """
    sys.stdout.write(f"{_ask(bind_address, '/stats')}\n")
    return 0


def logs(*, bind_address: Address = DEFAULT_ADDRESS) -> int:
    """Print the log of a run that is going on.

    Args:
        bind_address: Where the run serves HTTP.
    """
    directory = _health(bind_address)[1]["run_directory"]
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
    pid = int(_health(bind_address)[1]["pid"])
    try:
        process = psutil.Process(pid)
        if not any("rehearsal" in part for part in process.cmdline()):
            raise ConfigurationError(f"The run at {bind_address} is not on this machine; stop it there.")
        process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise BrokenError(f"The run (process {pid}) has not ended within {_STOP_SECONDS:g} s.")
            time.sleep(_POLL_SECONDS)
    except psutil.AccessDenied:
        raise ConfigurationError(f"The run is process {pid} of another user, who must stop it.") from None
    except psutil.NoSuchProcess:
        pass  # it has ended meanwhile
    sys.stdout.write(f"The run (process {pid}) has ended.\n")
    return 0
