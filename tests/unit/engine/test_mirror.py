from typing import Any

import hiredis
import pytest

from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch


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


def sent(mirror: Mirror, line: Line, tenants: list[int], **how: Any) -> tuple[MirroredBatch, list[str]]:
    told: list[str] = []
    batch = MirroredBatch(mirror, "increment", tenants, told.append, **how)
    mirror.send(line.write, b"", batch)
    return batch, told


def test_each_tenant_is_told_once_and_only_one_with_a_mirror_can_be_alone(mirror: Mirror) -> None:
    mirror.missed([1, 2, 1])
    mirror.alone([3, 30])
    assert mirror.take() == {1, 2, 3}
    assert mirror.take() == set()


def test_what_a_mirror_refused_or_never_answered_did_not_get_there(mirror: Mirror) -> None:
    batch, told = sent(mirror, Line(), [1, 2, 3, 12])
    batch.on_replies([5, hiredis.ReplyError("OOM")], 0.0)
    batch.answered = 2
    assert mirror.take() == {2}
    batch.on_replies([7], 0.0)
    batch.answered = 3
    batch.on_lost(0.0)
    assert mirror.take() == {12}
    assert told == ["ok", "failed", "ok", "unknown"]


def test_of_a_write_of_several_commands_the_last_reply_tells(mirror: Mirror) -> None:
    batch, told = sent(mirror, Line(), [1, 2, 3], commands_each=3)
    assert batch.count == 9
    oom, aborted = hiredis.ReplyError("OOM"), hiredis.ReplyError("EXECABORT")
    come: list[list[Reply]] = [[b"OK"], [b"QUEUED", [1], b"OK", oom], [aborted, b"OK"]]
    for replies in come:
        batch.on_replies(replies, 0.0)
        batch.answered += len(replies)
    assert (told, mirror.take()) == (["ok", "failed"], {2})
    batch.on_lost(0.0)
    assert (told, mirror.take()) == (["ok", "failed", "unknown"], {3})


def test_what_is_taken_can_be_said_by_whoever_sends(mirror: Mirror) -> None:
    batch, _ = sent(mirror, Line(), [1, 2], is_taken=lambda reply: reply == 1)
    batch.on_replies([1, 0], 0.0)
    assert mirror.take() == {2}


def test_nothing_gets_to_a_mirror_that_is_away(mirror: Mirror) -> None:
    _, told = sent(mirror, Line(away=True), [1, 2, 3, 12])
    assert mirror.take() == {1, 2, 3, 12}
    assert told == ["failed"] * 4
