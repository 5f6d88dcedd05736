"""What a migration may cost, criterion by criterion."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from redis_rehearsal.groups import DURATION_OR_NONE, LIMITS
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.declaring import Option, with_options
from redis_rehearsal.migration.plugins import refuse
from redis_rehearsal.quantities import Count, Ratio, Seconds


@with_options(
    ((each.package, each.limit) for each in CRITERIA.values() if isinstance(each.limit, Option)), LIMITS, refuse
)
class Limits(BaseModel):
    """What a migration may cost; more is a failed criterion."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_lost: Annotated[Count, LIMITS] = 0
    "Most acknowledged increments that may be missing."

    max_duplicated: Annotated[Count, LIMITS] = 0
    "Most increments that may be counted more often than they were sent."

    max_stranded: Annotated[Count, LIMITS] = 0
    "Most increments that the old server may have acknowledged after it had stopped being the truth."

    max_wrong_elements: Annotated[Count, LIMITS] = 0
    "Most elements of live structures (with --data-type) that may be lost, duplicated or stranded."

    max_wrong_reports: Annotated[Count, LIMITS] = 0
    "Most reports that may be wrong, stale or back from the dead."

    max_counter_regressions: Annotated[Count, LIMITS] = 0
    "Most counters that may be read lower than what was acknowledged."

    max_unexplained: Annotated[Count, LIMITS] = 0
    "Most keys that may differ between the two servers after a rehearsal, for no reason that is known."

    max_ttl_drift: Annotated[Seconds, LIMITS] = 2.0
    "By so much times to live may be apart on the two servers; more is a difference, too."
    max_not_carried: Annotated[Count, LIMITS] = 0
    "Most things that the source has and the target cannot hold: times to live of fields, counts of streams."

    max_failed_queries: Annotated[Ratio, LIMITS] = 0.0001
    "Largest share of queries that may fail, as 0.001 or 0.1%."

    max_failed_events: Annotated[Ratio, LIMITS] = 0.0001
    "Largest share of events that may fail, as 0.001 or 0.1%."

    max_query_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of queries, for example 250ms."

    max_event_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of events, for example 250ms."

    max_cutover_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of queries in the cutover. Default: the larger of 50 ms and 5 times that of the baseline."

    max_event_cutover_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of events in the cutover, those that were held left out. Default: as for queries."

    max_sync_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of queries, and of events, before the cutover. Default: as for the cutover."

    max_sync_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of queries, and of events, before the cutover, for example 250ms."

    max_recovery: Annotated[Seconds, LIMITS] = 60.0
    "Longest time from the cutover until all is as in the baseline again, for good."


def _see_that_limits_are_there() -> None:
    for criterion in CRITERIA.values():
        limit = criterion.limit_name
        if limit is not None and limit not in Limits.model_fields:
            refuse(criterion.package, f"its criterion {criterion.name} names the limit {limit}, which is not there")


_see_that_limits_are_there()
