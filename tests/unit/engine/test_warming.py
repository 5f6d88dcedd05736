import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from redis_rehearsal.engine.messages import WarmUp, WarmUpProgress
from redis_rehearsal.engine.warming import Warming
from redis_rehearsal.workload.queries import SLOTS

CACHEABLE = sum(slot.kind.cacheable for slot in SLOTS)


@dataclass
class Asked:
    """Remembers what it was asked; every third question fails, where that is wanted."""

    failing: bool = False
    questions: list[int] = field(default_factory=list)

    async def fill(self, question: int) -> None:
        self.questions.append(question)
        await asyncio.sleep(0)
        if self.failing and len(self.questions) % 3 == 0:
            raise ConnectionResetError


def warming(asked: Asked, told: list[WarmUpProgress]) -> Warming:
    plan = SimpleNamespace(organizations=[7, 9], operation_timeout=5.0, index=0)
    return Warming(cast("Any", plan), cast("Any", asked), told.append)


@pytest.mark.parametrize("failing", [False, True])
def test_every_question_that_may_be_cached_is_asked_once(*, failing: bool) -> None:
    asked, told = Asked(failing), list[WarmUpProgress]()
    asyncio.run(warming(asked, told).warm_up(WarmUp(seconds=0, concurrency=3)))
    assert len(asked.questions) == len(set(asked.questions)) == 2 * CACHEABLE
    last = told[-1]
    assert (last.ended, last.done, last.total) == (True, 2 * CACHEABLE, 2 * CACHEABLE)
    assert (last.failed > 0) == failing


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
