"""Fills the cache before the load begins, and again while it lasts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import numpy as np

from redis_rehearsal.clock import monotonic
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.engine.messages import WarmUp, WarmUpProgress
from redis_rehearsal.engine.misses import Misses
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.workload.queries import SLOTS

_PROGRESS_SECONDS: Final = 0.2


class Warming:
    """Asks questions that may be cached, once each time.

    Before the load the cache is filled as it is in the long run: a report that would be missing then is left out, and
    the others have the ages that they would have, so that neither their expiry nor their deletion by events begins all
    at once. A cache that is all new would get worse for as long as its reports live.

    Args:
        plan: of the worker.
        misses: fill the cache.
        tell: takes the progress.
    """

    def __init__(self, plan: WorkerPlan, misses: Misses, tell: Callable[[WarmUpProgress], None]) -> None:
        self._plan = plan
        self._misses = misses
        self._tell = tell
        self._wanted = False

    def stop(self) -> None:
        """Ask no more."""
        self._wanted = False

    def warm_up(self, command: WarmUp) -> Coroutine[Any, Any, None]:
        """Ask all of them, spread over the time that the command gives; what is returned does it."""
        self._wanted = True  # now, so that a stop which comes before the first question is not forgotten
        return self._ask(command)

    async def _ask(self, command: WarmUp) -> None:
        settings, share = self._plan.settings, self._plan.share
        slots = [index for index, slot in enumerate(SLOTS) if slot.kind.cacheable]
        questions = [tenant * len(SLOTS) + slot for tenant in range(len(share.organizations)) for slot in slots]
        started = monotonic()
        done = failed = 0
        rng = np.random.default_rng([settings.seed, share.index])
        present = rng.random(share.presence.shape) < share.presence
        ages = rng.random(len(questions)) if command.steady and self._plan.reports_expire else np.zeros(len(questions))
        remaining = iter(enumerate(questions))

        async def fill() -> None:
            nonlocal done, failed
            for number, question in remaining:
                if not self._wanted:
                    return
                tenant, slot = divmod(question, len(SLOTS))
                if command.steady and not present[tenant, slot]:
                    done += 1
                    continue
                wait = started + command.seconds * number / len(questions) - monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                try:
                    async with asyncio.timeout(settings.operation_timeout):
                        # It ages while the rest is filled.
                        left = (monotonic() - started) * (len(questions) - done) / max(1, done)
                        life = min(1.0, 1.0 - ages[number] + (left / settings.cache_ttl if ages[number] else 0.0))
                        await self._misses.fill(question, life)
                except CONNECTION_ERRORS:
                    failed += 1
                done += 1

        filling = asyncio.gather(*(fill() for _ in range(command.concurrency)))
        while True:
            finished, _ = await asyncio.wait({filling}, timeout=_PROGRESS_SECONDS)
            self._tell(WarmUpProgress(share.index, done, failed, len(questions), ended=bool(finished)))
            if finished:
                filling.result()
                return
