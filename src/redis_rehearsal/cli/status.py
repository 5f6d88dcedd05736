"""`redis-rehearsal status`: what a run does now."""

import json as json_module
import sys
from typing import Annotated

from cyclopts import Parameter

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.runtime_file import RuntimeFile
from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.status import RunStatus
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


def describe(document: object) -> str:
    """A run's status as lines for a person.

    Args:
        document: as the control API gives it.
    """
    status = read(RunStatus, document)
    route, rates = status.route, status.rates
    rows = {
        "stage": _joined(status.stage, status.phase),
        "reads": route.reads,
        "writes": route.writes,
        "truth": route.truth,
        "frozen": None if status.frozen is None else "writes are held back" if status.frozen else "no",
        **{role: _joined(each.product, each.version, each.address, by=" ") for role, each in status.servers.items()},
        "rates": f"{_rate(rates.queries_per_second, 'queries')}, {_rate(rates.events_per_second, 'events')}",
        "migration": _migration(status.migration),
    }
    return "".join(f"{name:<10}  {words}\n" for name, words in rows.items() if words)


def _joined(*words: str | None, by: str = ", ") -> str:
    return by.join(each for each in words if each)


def _rate(per_second: int | None, kind: str) -> str:
    return f"unknown {kind}/s" if per_second is None else f"{per_second:,} {kind}/s"


def _migration(migration: Migration | None) -> str:
    if migration is None:
        return "none"
    running = migration.status == "running"
    verdict = migration.verdict.status if migration.verdict else None
    return _joined(
        migration.strategy,
        migration.status,
        migration.phase if running else None,
        migration.progress.text if running and migration.progress else None,
        f"verdict {verdict}" if verdict else None,
    )
