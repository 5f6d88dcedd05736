"""What a run tells its own user and nobody else, in a file of mode 0600: its token, and its servers' URLs."""

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
from redis_rehearsal.urls import reached_at

_PLACE: Final = "instances"


class RuntimeFile:
    """The file of a run that listens at an address.

    Args:
        address: as BIND_ADDRESS; its port is that on which the run listens in the end.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._told: dict[str, str] = {}
        host, _, port = address.rpartition(":")
        host = reached_at(host.strip("[]").lower())
        host = "127.0.0.1" if host == "localhost" else host
        self._name = re.sub(r"[^0-9A-Za-z.-]", "_", f"{host}-{port}") + ".json"

    def tell(self, **told: str) -> None:
        """Tell something beside what was told before: `token`, `source` and `target` (URLs), and `link` (of the page).

        Raises:
            ConfigurationError: the place for it is somebody else's.
            OSError: it cannot be written.
        """
        remove_stale()
        self._told |= told
        path = _place() / self._name
        part = path.with_suffix(f".{os.getpid()}.part")
        content = {"pid": os.getpid(), **self._told}
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
            ConfigurationError: no run of this user on this machine listens there, or it has no servers yet.
        """
        return {role: SecretStr(self._asked(role)) for role in ROLES}

    def link(self) -> SecretStr:
        """That of the page, with the token.

        Raises:
            ConfigurationError: no run of this user on this machine listens there.
        """
        return SecretStr(self._asked("link"))

    def token(self) -> SecretStr | None:
        """That of the run; None where no run of this user on this machine listens there."""
        try:
            return SecretStr(self._asked("token"))
        except ConfigurationError:
            return None

    def _asked(self, name: str) -> str:
        found = _read(_place() / self._name)
        pid = found.get("pid")
        if not isinstance(pid, int) or not psutil.pid_exists(pid):
            raise ConfigurationError(
                f"No run of yours on this machine listens at BIND_ADDRESS {self._address}. Is one going on, and "
                "BIND_ADDRESS right?"
            )
        told = found.get(name)
        if not isinstance(told, str):
            raise ConfigurationError(f"The run at BIND_ADDRESS {self._address} has no {name} yet; it is starting.")
        return told


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
