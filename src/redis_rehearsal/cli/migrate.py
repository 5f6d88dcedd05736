"""`redis-rehearsal migrate`: begin a migration of a run, and watch it to its verdict."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.groups import OUTPUT
from redis_rehearsal.migration.options import MigrationOptions


def migrate(
    *,
    options: Annotated[MigrationOptions, Parameter(name="*")],
    bind_address: Address = DEFAULT_ADDRESS,
    control_token: Token = None,
    json: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
    details: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
    report: Annotated[Path | None, OUTPUT] = None,
    junit: Annotated[Path | None, OUTPUT] = None,
) -> int:
    """Move a run from its source to its target, watch it, and print the verdict.

    --config FILE takes how to migrate, and what it may cost, from a scenario, which `redis-rehearsal init` writes.
    Ctrl-C asks whether to go on, to roll back, or to leave the migration running; without a terminal it is left
    running. Exit codes: 0 pass, 1 fail, 2 wrong usage or refused, 3 unknown.

    Args:
        options: How, and what it may cost.
        bind_address: Where the run serves HTTP.
        control_token: The run's token, better in the environment, where others do not see it; a run of yours on this
            machine needs none.
        json: Print the migration's document to stdout when it ends, and the verdict to stderr.
        details: Print the whole report to stderr when it ends, before the verdict.
        report: Save run.json and the report in this directory when the migration ends.
        junit: Write the verdict to this file as JUnit XML, a test case for each criterion.
    """
    # Loading it takes half a second, which a mistake in the command line need not wait for.
    from redis_rehearsal.cli.handing_on import Output
    from redis_rehearsal.cli.migrating import migrate_and_watch

    return migrate_and_watch(Client(bind_address, control_token), options, Output(report, junit, details, json))
