import asyncio
import gc
from collections.abc import Iterator

import pytest

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.load import Load, tick_seconds
from redis_rehearsal.engine.messages import SetLoad, Start
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.engine.timer import LoopTimer
from tests.unit.engine.small import Small, live


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    thresholds = gc.get_threshold()
    monkeypatch.setattr("redis_rehearsal.engine.load.make_timer", LoopTimer)
    monkeypatch.setattr("redis_rehearsal.engine.load.keep_what_is_there", lambda: None)
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.parametrize(
    ("operations_per_second", "expected"),
    [(0, None), (999, None), (1_000, 0.000_6), (30_000, 0.000_6), (30_001, 0.001), (1e7, 0.001)],
)
def test_what_comes_rarely_has_a_wake_up_of_its_own(operations_per_second: float, expected: float | None) -> None:
    assert tick_seconds(operations_per_second) == expected


@pytest.mark.usefixtures("in_memory")
@pytest.mark.parametrize("queries_per_second", [0.0, 200.0, 2_000.0])
def test_what_is_due_is_sent_at_the_rates_that_are_asked_for_until_the_end(queries_per_second: float) -> None:
    async def work(small: Small) -> None:
        load = Load(small.plan, small.application, Stalls())
        began = monotonic() + 0.1
        load.prepare(Start(began, None))
        load.begin(began)
        await asyncio.sleep(1.1)
        assert small.application.queries.loop.recorder.offered == pytest.approx(queries_per_second, rel=0.2)
        load.change(SetLoad(1, 2 * queries_per_second, 0.0, None, None))
        await asyncio.sleep(1.0)
        load.end_at(monotonic())
        await asyncio.sleep(1.0)
        load.end()
        for loop in load.loops:
            loop.check()
        # Of a wake-up at a time that nothing kept it from, none is late.
        assert (load.take_delays().quantile(1.0) or 0.0) < 1e-6

    small = live(
        work,
        queries_per_second=queries_per_second,
        events_per_second=100.0,
        max_workers=1000,
        max_queued_queries=1000,
        arrivals="constant",
    )
    assert sum(small.query_outcomes) == pytest.approx(3 * queries_per_second, rel=0.1)
    assert sum(small.event_outcomes) == pytest.approx(100, rel=0.2)
    assert small.application.queries.counts.failures == {}
    assert small.query_outcomes[Outcome.OK] == sum(small.query_outcomes)
