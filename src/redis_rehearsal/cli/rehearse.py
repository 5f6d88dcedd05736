"""`redis-rehearsal rehearse`: one migration under load, from the first server to the verdict."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.groups import OUTPUT
from redis_rehearsal.migration.options import RehearsalOptions
from redis_rehearsal.settings import DEFAULTS, Settings


def rehearse(
    *,
    options: Annotated[RehearsalOptions, Parameter(name="*")],
    settings: Annotated[Settings, Parameter(name="*")] = DEFAULTS,
    json: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
    details: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
    report: Annotated[Path | None, OUTPUT] = None,
    junit: Annotated[Path | None, OUTPUT] = None,
) -> int:
    """Rehearse one migration: start, warm up, record a baseline, migrate, cut over, observe, reconcile, judge.

    Every setting of `run` is a setting here. All of it may stand in a scenario, a TOML file that `redis-rehearsal init`
    writes and --config FILE names. Several strategies (or all) are rehearsed one after the other, each from
    the same fresh state and seed; on servers of yours that removes what is under our prefix before each. Exit codes: 0
    pass (of several: one of them), 1 fail, 2 wrong usage or configuration, 3 unknown (it could not be measured, or the
    generator was the bottleneck).

    Args:
        options: How to migrate, and what it may cost.
        settings: All settings of the run.
        json: Print the document (run.json) to stdout when it ends.
        details: Print the whole report to stderr when it ends, before the verdict.
        report: Copy run.json, timeline.csv, percentiles.csv and the report to this directory too; of several strategies
            to one below it for each, with a report of all of them side by side.
        junit: Write the verdict to this file as JUnit XML: a test suite for each strategy, a test case for each
            criterion.
    """
    if settings.duration is not None:
        raise ConfigurationError("DURATION is for `run`; a rehearsal has its --baseline and --observe.")
    # Loading it takes half a second, which a mistake in the command line need not wait for.
    from redis_rehearsal.cli.handing_on import Output
    from redis_rehearsal.cli.rehearsing import rehearse_each

    return rehearse_each(settings, options.each(), Output(report, junit, details, json))
