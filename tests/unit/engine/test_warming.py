import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from redis_rehearsal.engine.messages import WarmUp, WarmUpProgress
from redis_rehearsal.engine.warming import Warming
from redis_rehearsal.workload.queries import SLOTS
from tests.unit.engine.made import plan

CACHEABLE = sum(slot.kind.cacheable for slot in SLOTS)


@dataclass
class Asked:
    """Remembers what it was asked; every third question fails, where that is wanted."""

    failing: bool = False
    questions: list[int] = field(default_factory=list)
    lives: list[float] = field(default_factory=list)

    async def fill(self, question: int, life_ratio: float) -> None:
        self.questions.append(question)
        self.lives.append(life_ratio)
        await asyncio.sleep(0)
        if self.failing and len(self.questions) % 3 == 0:
            raise ConnectionResetError


def warming(asked: Asked, told: list[WarmUpProgress], presence: float = 0.9, tenants: int = 2) -> Warming:
    made = plan(
        organizations=list(range(7, 7 + tenants)),
        operation_timeout=5.0,
        cache_ttl=1e6,
        presence=np.full((tenants, len(SLOTS)), presence),
    )
    return Warming(made, cast("Any", asked), told.append)


@pytest.mark.parametrize("failing", [False, True])
def test_every_question_that_may_be_cached_is_asked_once(*, failing: bool) -> None:
    asked, told = Asked(failing), list[WarmUpProgress]()
    asyncio.run(warming(asked, told).warm_up(WarmUp(seconds=0, concurrency=3)))
    assert len(asked.questions) == len(set(asked.questions)) == 2 * CACHEABLE
    last = told[-1]
    assert (last.ended, last.done, last.total) == (True, 2 * CACHEABLE, 2 * CACHEABLE)
    assert (last.failed > 0) == failing


def test_before_the_load_the_cache_is_filled_as_it_is_in_the_long_run() -> None:
    asked, told = Asked(), list[WarmUpProgress]()
    made = warming(asked, told, presence=0.75, tenants=200)
    asyncio.run(made.warm_up(WarmUp(seconds=0, concurrency=3, steady=True)))
    assert 0.72 < len(asked.questions) / (200 * CACHEABLE) < 0.78
    assert told[-1].done == told[-1].total == 200 * CACHEABLE
    # At all ages alike.
    shares, _ = np.histogram(asked.lives, bins=4, range=(0.0, 1.0))
    assert (np.abs(shares / len(asked.lives) - 0.25) < 0.03).all()
    again = Asked()
    asyncio.run(warming(again, told).warm_up(WarmUp(seconds=0, concurrency=3)))
    assert set(again.lives) == {1.0}


def test_a_stop_that_comes_before_the_first_question_is_not_forgotten() -> None:
    asked, told = Asked(), list[WarmUpProgress]()

    async def stop_at_once() -> None:
        made = warming(asked, told)
        filling = asyncio.create_task(made.warm_up(WarmUp(seconds=0, concurrency=3)))
        made.stop()
        await filling

    asyncio.run(stop_at_once())
    assert asked.questions == []
    assert told[-1].ended
