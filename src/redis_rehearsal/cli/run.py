"""`redis-rehearsal run`: the platform, until it is stopped."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from redis_rehearsal.groups import OUTPUT
from redis_rehearsal.settings import DEFAULTS, Settings


def run(
    *,
    settings: Annotated[Settings, Parameter(name="*")] = DEFAULTS,
    json: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
    report: Annotated[Path | None, OUTPUT] = None,
    prometheus: Annotated[bool, Parameter(negative=""), OUTPUT] = False,
) -> int:
    """Run the analytics platform under load until it is stopped.

    Starts a real PostgreSQL, source and target where no URL is given, seeds them, warms the cache, and drives
    queries and events. Every setting is a flag here, an environment variable, and a key of a TOML file that
    --config FILE names. Exit codes: 0 ended as asked, 2 wrong usage or configuration, 4 something that is
    needed broke for good.

    Args:
        settings: All settings.
        json: Print the run's document (run.json) to stdout when it ends.
        report: Copy run.json, timeline.csv, percentiles.csv and, where something was migrated, the report to this
            directory too when it ends.
        prometheus: Start the Prometheus of this machine at http://127.0.0.1:9090 with the tool's rules, have it scrape
            the run every second, and end it with the run.
    """
    # Loading it takes half a second, which a mistake in the command line need not wait for.
    from redis_rehearsal.cli.driving import run_until_stopped

    return run_until_stopped(settings, print_json=json, report=report, with_prometheus=prometheus)
