"""What a run tells its own user and nobody else, in a file of mode 0600: the URLs of its servers, with passwords."""

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Final

import psutil
from pydantic import SecretStr

from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.embedded.directory import common_place, private
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.settings import Settings

_PLACE: Final = "instances"
_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "localhost": "127.0.0.1", "::": "::1"}  # noqa: S104 # no bind
"""Where a run listens on all addresses, it is asked on this machine's own."""


class RuntimeFile:
    """The file of a run that listens at an address.

    Args:
        address: as BIND_ADDRESS; its port is that on which the run listens in the end.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        host, _, port = address.rpartition(":")
        host = _HOSTS.get(host.strip("[]").lower(), host.strip("[]"))
        self._name = re.sub(r"[^0-9A-Za-z.-]", "_", f"{host}-{port}") + ".json"

    def write(self, source_url: str, target_url: str) -> None:
        """Tell both URLs, instead of what was told before.

        Raises:
            ConfigurationError: the place for it is somebody else's.
            OSError: it cannot be written.
        """
        remove_stale()
        path = _place() / self._name
        part = path.with_suffix(f".{os.getpid()}.part")
        content = {"pid": os.getpid(), "source": source_url, "target": target_url}
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(content, file)
        part.rename(path)

    def remove(self) -> None:
        """The run has ended."""
        with contextlib.suppress(OSError, ConfigurationError):
            path = _place() / self._name
            if _read(path).get("pid") == os.getpid():
                path.unlink()

    def urls(self) -> dict[Role, SecretStr]:
        """The URLs of source and target.

        Raises:
            ConfigurationError: no run of this user on this machine listens there.
        """
        found = _read(_place() / self._name)
        pid = found.get("pid")
        if not isinstance(pid, int) or not psutil.pid_exists(pid):
            raise ConfigurationError(
                f"No run of yours on this machine listens at BIND_ADDRESS {self._address}. Is one going on, and "
                "BIND_ADDRESS right?"
            )
        return {role: SecretStr(str(found.get(role, ""))) for role in ROLES}


def remove_stale() -> None:
    """Remove what runs left that were killed.

    Raises:
        ConfigurationError: the place for it is somebody else's.
    """
    for path in _place().iterdir():
        pid = _read(path).get("pid")
        if not isinstance(pid, int) or not psutil.pid_exists(pid):
            path.unlink(missing_ok=True)


def resolved(url: SecretStr | None, address: str) -> SecretStr | None:
    """A URL as it is, and for `source` and `target` that of the run that listens at an address.

    Raises:
        ConfigurationError: no run of this user on this machine does.
    """
    if url is not None and url.get_secret_value() in ROLES:
        Settings(bind_address=address)  # see that it is one
        return RuntimeFile(address).urls()["source" if url.get_secret_value() == "source" else "target"]
    return url


def _place() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and Path(given).is_dir():
        return private(private(Path(given) / "redis-rehearsal") / _PLACE)
    return private(private(common_place()) / _PLACE)


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
