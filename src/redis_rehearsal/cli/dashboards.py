"""`redis-rehearsal dashboards`: what Grafana and Prometheus need to show a run."""

import shutil
import sys
from pathlib import Path

from redis_rehearsal import observing
from redis_rehearsal.errors import ConfigurationError


def dashboards(*, output: Path) -> int:
    """Write the dashboards for Grafana and the rules for Prometheus to a directory, and say how to import them.

    Exit codes: 0 written, 2 they could not be.

    Args:
        output: The directory; made where it is missing. Files of these names in it are replaced.
    """
    found = [*observing.dashboards(), observing.rules()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.copyfile(path, output / path.name)
    except OSError as error:
        raise ConfigurationError(f"--output {output} cannot be written: {error.strerror}.") from None
    names = ", ".join(path.name for path in found)
    sys.stdout.write(
        f"Wrote {names} to {output}.\n"
        "Prometheus: name rules.yml under rule_files, and scrape a run's /metrics every second "
        "(redis-rehearsal run --prometheus does both).\n"
        "Grafana: Dashboards, New, Import, and upload each of the other files; they use the default data source, "
        "which must be that Prometheus.\n"
    )
    return 0
