"""Seconds of a timeline with known figures."""

from redis_rehearsal.fleet.row import Label, Row, Second
from tests.unit.migration.assessment.made_evidence import tally


def baseline_rows(p99_seconds: float, worst_seconds: float = 0.0) -> list[Row]:
    """Ten seconds of baseline, the last of which may be a bad one."""
    rows = []
    for number in range(10):
        slow = tally(ok=100, response_seconds=worst_seconds if worst_seconds and number == 9 else p99_seconds)
        rows.append(Row.of(Second(number, slow, slow), float(number), Label("baseline")))
    return rows
