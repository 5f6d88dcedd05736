"""Defects that are planted in the tool, each of which a simulation must find."""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from redis_rehearsal.cache.node import Node
from redis_rehearsal.coordinator.comparing import AfterCutover
from redis_rehearsal.engine import cache_aside
from redis_rehearsal.engine.event_stream import EventDriver
from redis_rehearsal.engine.mirror import Mirror
from redis_rehearsal.engine.obsolete import ObsoleteReports
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.migration import cutover
from redis_rehearsal.migration.assessment import assess
from redis_rehearsal.verification import ledger_keeper
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import Reconciliation, reconcile
from redis_rehearsal.verification.verdict import Criterion, Verdict, unknown
from tests.simulation.judging import judged
from tests.simulation.scenario import Aim, aimed

Plant = Callable[[], AbstractContextManager[Any]]


def no_freeze() -> AbstractContextManager[Any]:
    """Writes go on in the cutover."""

    async def begin(self: Any) -> float:
        return float(self._until())

    return patch.object(cutover._ClientFreeze, "begin", begin)


@contextlib.contextmanager
def truth_after_promotion() -> Iterator[None]:
    """The ledger learns only with the move that the old server's word does not count any more."""

    async def set_truth(self: Any, role: Any, *, frozen: bool, within_seconds: float) -> None:
        return

    with patch.object(FleetControl, "set_truth", set_truth):
        yield


def no_final_pass() -> AbstractContextManager[Any]:
    """What changed while keys were copied is not copied again."""
    from redis_rehearsal.migration.strategies.running import copy

    run = copy.run

    async def without(context: Any) -> None:
        context.options = context.options.model_copy(update={"final_pass": False})
        await run(context)

    return patch.object(copy, "run", without)


def forgetful_mirror() -> AbstractContextManager[Any]:
    """It is forgotten of whom a write did not reach the second server."""
    return patch.object(Mirror, "missed", lambda self, tenants: None)


def counted_twice() -> AbstractContextManager[Any]:
    """Now and then an acknowledgement counts twice."""
    on_replies = EventDriver.on_replies

    def twice(self: Any, batch: Any, replies: Any, now_seconds: float) -> None:
        on_replies(self, batch, replies, now_seconds)
        if now_seconds % 1.0 < 0.02:
            self._ledger.acknowledged[batch.block.places[batch.first]] += 1

    return patch.object(EventDriver, "on_replies", twice)


def one_reason_too_many() -> AbstractContextManager[Any]:
    """What is on the target only is taken for right."""
    reason = AfterCutover._reason

    def benign(self: Any, difference: Difference) -> str | None:
        return reason(self, difference) or ("somebody's" if difference.kind.value == "extra" else None)

    return patch.object(AfterCutover, "_reason", benign)


def late_boundary() -> AbstractContextManager[Any]:
    """What happens in the first second of a segment counts for the one before."""
    add_boundary = Recorder.add_boundary
    return patch.object(Recorder, "add_boundary", lambda self, at_seconds: add_boundary(self, at_seconds + 1.0))


def nameless_servers() -> AbstractContextManager[Any]:
    """Whoever answers passes for the same server."""
    of = Node.of

    def same(information: Any, role: Any) -> Node:
        return replace(of(information, role), run_id="0" * 40)

    return patch.object(Node, "of", same)


def always_unknown() -> AbstractContextManager[Any]:
    """Nothing is ever sure."""

    def judge(criteria: Any) -> Verdict:
        return Verdict([_as_unknown(each) for each in criteria])

    def _as_unknown(found: Criterion) -> Criterion:
        return unknown(found.name, found.limit, found.measured, found.unit, Cause.UNDER_WAY.because())

    return patch.object(assess, "judge", judge)


def forgives_one() -> AbstractContextManager[Any]:
    """One increment that is missing from a counter is overlooked."""

    def lenient(baseline: Any, acknowledged: Any, possible: Any, final: Any, *others: Any) -> Reconciliation:
        return reconcile(baseline, acknowledged, possible, None if final is None else final + 1, *others)

    return patch.object(ledger_keeper, "reconcile", lenient)


def forgotten_deletions() -> AbstractContextManager[Any]:
    """Nothing that was deleted is known to be obsolete."""
    return patch.object(ObsoleteReports, "answered", lambda self, deletion: None)


def boundary_after_a_stall() -> AbstractContextManager[Any]:
    """What was sent when a worker went on, and was due in a new segment, counts for the one before."""
    add_boundary = Recorder.add_boundary

    def after_all(self: Recorder, at_seconds: float) -> None:
        last = max((each[-1] for each in self._offered_lately), default=at_seconds)
        add_boundary(self, max(at_seconds, math.nextafter(last, math.inf)))

    return patch.object(Recorder, "add_boundary", after_all)


def refusals_taken_for_misses() -> AbstractContextManager[Any]:
    """A read that a server refuses passes for one that found nothing."""
    return patch.object(cache_aside, "_is_miss", lambda reply: True)


DEFECTS: Final[dict[str, Plant]] = {
    "no freeze": no_freeze,
    "truth moved after the promotion": truth_after_promotion,
    "final pass left out": no_final_pass,
    "a mirror that forgets": forgetful_mirror,
    "an acknowledgement counted twice": counted_twice,
    "a benign reason too many": one_reason_too_many,
    "a boundary off by one second": late_boundary,
    "the run id ignored": nameless_servers,
    "always unknown": always_unknown,
    "one missing increment forgiven": forgives_one,
    "deletions forgotten": forgotten_deletions,
    "a boundary pushed behind a stall": boundary_after_a_stall,
    "refused reads taken for misses": refusals_taken_for_misses,
}
"""By what is wrong."""

AIMS: Final[dict[str, Aim]] = {
    "no freeze": Aim(("copy", "external")),
    "truth moved after the promotion": Aim(
        ("replicate",), ("slow",), ("cutover",), ("target",), {"freeze": "none", "rollout": 1.0}
    ),
    "final pass left out": Aim(("copy",)),
    "a mirror that forgets": Aim(
        ("dual-write",), ("cut", "full", "loading"), ("sync", "SetRoute"), ("target",), {"copy_rate": 40.0}
    ),
    "an acknowledgement counted twice": Aim(("replicate", "copy"), ("slow",), ("prepare", "recovery")),
    "a benign reason too many": Aim(("copy", "dual-write", "fallback"), ("writes-behind",), ("recovery",), ("target",)),
    "a boundary off by one second": Aim(("copy",), ("full", "errs"), ("prepare",), ("source",)),
    "the run id ignored": Aim(("observe",)),
    "always unknown": Aim(("replicate", "copy", "dual-write", "fallback")),
    "one missing increment forgiven": Aim(("copy",), ("loses-counters",), ("recovery",), ("target",)),
    "deletions forgotten": Aim(
        ("copy",), ("slow",), ("recovery",), ("source",), {"freeze": "none", "final_pass": False, "copy_rate": 40.0}
    ),
    "a boundary pushed behind a stall": Aim(("replicate", "copy"), ("worker-stopped",), ("sync", "cutover")),
    "refused reads taken for misses": Aim(("replicate", "copy"), ("refuses-reads",), ("prepare", "recovery")),
}
"""Where each is looked for: scenarios without a fault must pass, and of others nothing wrong may be said."""


def finds(name: str, seed: int) -> bool:
    """Whether the scenario of a number finds a defect.

    It does where what is said with it is wrong, or what passes without it does not with it; and where nothing is wrong
    without it, since else it would find something in anything.
    """
    aim = AIMS[name]
    scenario = aimed(seed, aim)
    without = judged(scenario, must_pass=not aim.kinds)
    with DEFECTS[name]():
        with_it = judged(scenario)
    return not without.wrong and (bool(with_it.wrong) or (without.verdict == "pass" and with_it.verdict != "pass"))
