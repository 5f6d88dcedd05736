"""`redis-rehearsal status`: what a run does now."""

import json as json_module
import sys
from typing import Annotated, Any

from cyclopts import Parameter

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.runtime_file import RuntimeFile
from redis_rehearsal.settings import Settings


def status(
    *,
    bind_address: Address = DEFAULT_ADDRESS,
    json: Annotated[bool, Parameter(negative="")] = False,
    urls: Annotated[bool, Parameter(negative="")] = False,
    link: Annotated[bool, Parameter(negative="")] = False,
    control_token: Token = None,
) -> int:
    """Print what a run does now: its load, where reads and writes go, and what migrates.

    Args:
        bind_address: Where the run serves HTTP.
        json: Print it as the control API gives it.
        urls: Print instead the URLs of source and target with their passwords, as SOURCE_URL=… and TARGET_URL=…, which
            only the user of the run can on its machine.
        link: Print instead the link of the live page with the token, which only the same user can.
        control_token: The run's token, which another machine needs; better in the environment.
    """
    if urls or link:
        Settings(bind_address=bind_address)  # see that it is one
        told = RuntimeFile(bind_address)
        if urls:
            found = told.urls().items()
            sys.stdout.writelines(f"{role.upper()}_URL={url.get_secret_value()}\n" for role, url in found)
        if link:
            sys.stdout.write(f"{told.link().get_secret_value()}\n")
        return 0
    client = Client(bind_address, control_token)
    client.check()
    document = client.call("GET", "/api/status")
    sys.stdout.write(f"{json_module.dumps(document, indent=2)}\n" if json else describe(document))
    return 0


def describe(document: dict[str, Any]) -> str:
    """A run's status as lines for a person."""
    route = document.get("route") or {}
    frozen = document.get("frozen")
    rows = {
        "stage": ", ".join(str(document[name]) for name in ("stage", "phase") if document.get(name)),
        **{name: route.get(name) for name in ("reads", "writes", "truth")},
        "frozen": "writes are held back" if frozen else "no" if frozen is not None else None,
        **{role: _server(server) for role, server in (document.get("servers") or {}).items()},
        "rates": ", ".join(_figure(name, value) for name, value in (document.get("rates") or {}).items()),
        "migration": _migration(document.get("migration")),
    }
    return "".join(f"{name:<10}  {words}\n" for name, words in rows.items() if words)


def _server(server: Any) -> str:
    if not isinstance(server, dict):
        return str(server)
    parts = (server.get("product"), server.get("version"), server.get("address"), server.get("error"))
    return " ".join(str(part) for part in parts if part)


def _figure(name: str, value: Any) -> str:
    number = f"{value:,.0f}" if isinstance(value, int | float) else "unknown" if value is None else str(value)
    return f"{number} {name.removesuffix('_per_second').replace('_', ' ')}{'/s' if '_per_second' in name else ''}"


def _migration(document: dict[str, Any] | None) -> str:
    if not document:
        return "none"
    verdict = document.get("verdict") or {}
    progress = document.get("progress") or {}
    running = document.get("status") == "running"
    parts = [
        document.get("strategy"),
        document.get("status"),
        document.get("phase") if running else None,
        progress.get("text") if running else None,
        f"verdict {verdict['status']}" if verdict.get("status") else None,
    ]
    return ", ".join(str(part) for part in parts if part)
