"""`redis-rehearsal preflight`: whether two servers will do for a migration, before anything is touched."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import orjson
import uvloop
from cyclopts import Parameter
from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cli.client import UNKNOWN_EXIT_CODE
from redis_rehearsal.cli.people import People
from redis_rehearsal.cli.runtime_file import resolved
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.keyspace.replies import printable
from redis_rehearsal.migration.preflight.look import (
    STRATEGY_NAMES,
    Finding,
    Plan,
    preflight,
    remaining_strategies,
    stands_in_the_way,
)
from redis_rehearsal.migration.preflight.options import PreflightOptions
from redis_rehearsal.settings import part_of_settings, whole
from redis_rehearsal.urls import split_redis_url

_ANY: Final = PreflightOptions()
PreflightSettings: Final = part_of_settings(
    "PreflightSettings",
    "redis_url",
    "target_redis_url",
    "key_prefix",
    "redis_pool_size",
    "operation_timeout",
    "bind_address",
)
_NOTHING: Final = PreflightSettings()
_WIDTH: Final = 100
_LONGEST: Final = 2000
_ORDER: Final = ("blocker", "warning", "ok")
_STYLES: Final = {"blocker": "bold red", "warning": "yellow", "ok": "green"}
_SCHEMA_VERSION: Final = 1


def preflight_command(
    source: SecretStr | None = None,
    target: SecretStr | None = None,
    /,
    *,
    options: Annotated[PreflightOptions, Parameter(name="*")] = _ANY,
    servers: Annotated[PreflightSettings, Parameter(name="*")] = _NOTHING,  # type: ignore[valid-type]
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Look at source and target before a migration, change nothing, and say what stands in its way.

    Exit codes: 0 nothing does, 1 blockers (of --strategy, or of every strategy that carries the data over), 2 wrong
    usage or a server that cannot be reached, 3 interrupted.

    Args:
        source: URL of the source, or `source` for that of a run of yours. Default: REDIS_URL, where others do not see
            the password.
        target: URL of the target, or `target`. Default: TARGET_REDIS_URL.
        options: How the migration is to be done.
        servers: Which, and how a run would use them; BIND_ADDRESS is of a run of yours.
        json: Print the findings as JSON.
    """
    settings = whole(servers)
    endpoints = (
        _endpoint("source", resolved(source, settings.bind_address) or settings.redis_url, "REDIS_URL"),
        _endpoint("target", resolved(target, settings.bind_address) or settings.target_redis_url, "TARGET_REDIS_URL"),
    )
    plan = Plan(
        strategy=options.strategy,
        freeze=options.freeze,
        allow_server_wide=options.allow_server_wide,
        clear_target=options.clear_target,
        key_prefix=settings.key_prefix,
        pool_size=settings.redis_pool_size,
        timeout_seconds=settings.operation_timeout,
        copy_method=options.copy_method,
    )
    with _interrupts_are_no_answer():
        findings = uvloop.run(preflight(*endpoints, plan))
    if json:
        sys.stdout.write(_document(*endpoints, findings, plan.strategy))
    else:
        _show(*endpoints, findings)
    return 1 if stands_in_the_way(findings, plan.strategy) else 0


def _endpoint(role: Role, url: SecretStr | None, variable: str) -> Endpoint:
    if url is None:
        raise ConfigurationError(
            f"There is no {role}: redis-rehearsal preflight SOURCE TARGET names both, or REDIS_URL and "
            f"TARGET_REDIS_URL do; {variable} is not set."
        )
    try:
        split_redis_url(url.get_secret_value())
    except ValueError as error:
        raise ConfigurationError(f"The URL of the {role} {error}.") from None
    return Endpoint.parse(url.get_secret_value())


@contextlib.contextmanager
def _interrupts_are_no_answer() -> Iterator[None]:
    """Until all is seen, Ctrl-C must not look as if nothing stood in the way."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda *_: os._exit(UNKNOWN_EXIT_CODE))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _blockers(findings: list[Finding]) -> dict[str, list[str]]:
    """The names of the findings that block each strategy that is blocked."""
    found = {
        strategy: list(dict.fromkeys(each.name for each in findings if strategy in each.blocks))
        for strategy in STRATEGY_NAMES
    }
    return {strategy: names for strategy, names in found.items() if names}


def _document(source: Endpoint, target: Endpoint, findings: list[Finding], strategy: str | None) -> str:
    document = {
        "schema_version": _SCHEMA_VERSION,
        "source": str(source),
        "target": str(target),
        "passed": not stands_in_the_way(findings, strategy),
        "strategies": {"remaining": remaining_strategies(findings), "blocked": _blockers(findings)},
        "findings": [
            {
                "name": each.name,
                "level": each.level,
                "sentence": each.sentence,
                "advice": each.advice or None,
                "blocks": [name for name in STRATEGY_NAMES if name in each.blocks],
            }
            for each in findings
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _show(source: Endpoint, target: Endpoint, findings: list[Finding]) -> None:
    console = People(file=sys.stdout)
    if not console.is_terminal:
        console.width = _WIDTH
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for finding in sorted(findings, key=lambda each: _ORDER.index(each.level)):
        # What servers say of themselves is in it, and must not steer the terminal.
        words = Text(printable(finding.sentence, _LONGEST), overflow="fold")
        if finding.advice:
            words.append(f"\n→ {printable(finding.advice, _LONGEST)}", style="dim")
        if finding.blocks:
            words.append(f"\nblocks {', '.join(name for name in STRATEGY_NAMES if name in finding.blocks)}")
        grid.add_row(Text(finding.level, style=_STYLES[finding.level]), Text(finding.name), words)
    remaining = remaining_strategies(findings)
    console.print(Text(f"source {source}\ntarget {target}\n"))
    console.print(grid)
    console.print(Text(f"\nstrategies that remain: {', '.join(remaining) or 'none'}"))
    for strategy, names in _blockers(findings).items():
        console.print(Text(f"blocked: {strategy} ({', '.join(names)})"))
