"""How complaints are made, and what several of them ask."""

from typing import Final

from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS, Phase
from redis_rehearsal.migration.record import Record
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.verdict import Criterion, VerdictStatus
from tests.simulation.silence import LEAST_SECONDS
from tests.simulation.world import World

TOLERANCE_SECONDS: Final = 0.02


_UNSURE_SHARE: Final = 1e-6


class Complaints(list[str]):
    """What does not hold."""

    def demand(self, holds: bool, what: str) -> None:
        """Complain where something does not hold."""
        if not holds:
            self.append(what)


def share_is_so(
    world: World, criterion: Criterion, not_ok: tuple[int, int], due: list[float], found: Complaints
) -> None:
    """The share that is said is that of all that was due since the baseline, until the migration was over."""
    record = world.record
    assert record is not None
    until = [each.began_seconds for each in world.run._control.segments if each.phase == Phase.DONE]
    began, ended = record.migration.baseline_seconds[1], min([record.ended_seconds, *until])
    whole = sum(began <= at < ended for at in due)
    if criterion.measured is None or not whole:
        return
    least, most = (count / whole for count in not_ok)
    found.demand(
        least - _UNSURE_SHARE <= criterion.measured <= most + _UNSURE_SHARE,
        f"{criterion.name}: {criterion.measured:.4f} were not ok, and {least:.4f} to {most:.4f} were not",
    )


def latency_spans(record: Record) -> dict[str, list[tuple[float, float]]]:
    """Which times are judged together, by criterion."""
    cutovers = record.migration.context.cutovers
    if not cutovers:
        return {}
    following = [*(began for began, _ in cutovers[1:]), record.ended_seconds]
    return {
        "sync_p99": [(record.migration.baseline_seconds[1], cutovers[0][0])],
        "cutover_p99": [
            (began, min(ended + CUTOVER_TAIL_SECONDS, until))
            for (began, ended), until in zip(cutovers, following, strict=True)
            if ended is not None
        ],
    }


def ranged(least: int, most: int) -> str:
    return f"{least}" if most <= least else f"{least} to {most}"


def has_all_rows(world: World) -> bool:
    """Whether the database knows of every event that was due."""
    offered = world.run.view.totals.counts.recorded_events.whole().offered
    return len(world.database.rows) == offered and not world.run.view.workers_lost


def is_late(world: World) -> bool:
    """Whether something went wrong before what is judged began, or reaches beyond its end."""
    record = world.record
    assert record is not None
    began, ended = record.migration.baseline_seconds[1], record.ended_seconds - 3.0
    return any(start < began or end > ended for _, start, end in world.happened)


def downtime_is_so(
    world: World,
    assessment: Assessment,
    kind: str,
    parts: tuple[Downtime, Downtime],
    truth: tuple[float, float],
    found: Complaints,
) -> None:
    """Downtime that was measured is what it was."""
    record = world.record
    assert record is not None
    true_least, true_most = truth
    least = max(part.longest_at_least_seconds for part in parts)
    most = [part.longest_seconds for part in parts]
    true = f"were for {true_least:.3f} to {true_most:.3f} s"
    found.demand(least <= true_most + TOLERANCE_SECONDS, f"{kind} were down for at least {least:.3f} s, and {true}")
    if true_least <= max(LEAST_SECONDS, *(part.baseline_seconds for part in parts)):
        return
    if None not in most:
        longest = max(each for each in most if each is not None)
        found.demand(
            longest >= true_least - TOLERANCE_SECONDS, f"{kind} were down for at most {longest:.3f} s, and {true}"
        )
    if assessment.verdict.status is VerdictStatus.PASS:
        limits = record.migration.context.options
        limit = max(limits.max_query_downtime, limits.max_event_downtime, limits.max_sync_downtime)
        found.demand(true_least <= limit + TOLERANCE_SECONDS, f"pass, and {kind} {true}")
