from typing import Any

import hiredis
import numpy as np
import pytest

from redis_rehearsal.cache.wire import Batch
from redis_rehearsal.engine.counts import EventCounts
from redis_rehearsal.engine.mirror import Mirror, MirroredIncrements


class Routes:
    """Tenants below 10 have a mirror."""

    def mirror_of(self, tenant: int) -> object | None:
        return self if tenant < 10 else None


class Line:
    """Takes what is written to it, or does not."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.batches: list[Batch] = []

    def write(self, commands: bytes, batch: Batch) -> bool:
        if not self.away:
            self.batches.append(batch)
        return not self.away


@pytest.fixture
def mirror() -> Mirror:
    return Mirror(Routes())  # type: ignore[arg-type]


def sent(mirror: Mirror, line: Any) -> tuple[MirroredIncrements, EventCounts]:
    counts = EventCounts()
    increments = MirroredIncrements(counts, mirror)
    increments.send(line, b"", np.array([1, 2, 3, 12]))
    return increments, counts


def test_each_tenant_is_told_once_and_only_one_with_a_mirror_can_be_alone(mirror: Mirror) -> None:
    mirror.missed([1, 2, 1])
    mirror.alone([3, 30])
    assert mirror.take() == {1, 2, 3}
    assert mirror.take() == set()


def test_what_a_mirror_refused_or_never_answered_did_not_get_there(mirror: Mirror) -> None:
    line = Line()
    increments, counts = sent(mirror, line)
    (batch,) = line.batches
    increments.on_replies(batch, [5, hiredis.ReplyError("OOM")], 0.0)
    batch.answered = 2
    assert mirror.take() == {2}
    increments.on_replies(batch, [7], 0.0)
    batch.answered = 3
    increments.on_lost(batch, 0.0)
    assert mirror.take() == {12}
    assert counts.mirrored == {"ok": 2, "failed": 1, "unknown": 1}


def test_nothing_gets_to_a_mirror_that_is_away(mirror: Mirror) -> None:
    _, counts = sent(mirror, Line(away=True))
    assert mirror.take() == {1, 2, 3, 12}
    assert counts.mirrored == {"failed": 4}
