"""For how long a migration is watched: until it is known whether the recovery is within its limit."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from redis_rehearsal.migration import migration as migrations
from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.migration.assessment.reasons import SATURATED
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.verification.recovery import STEADY_SECONDS, Recovery

BEGAN, LIMIT = 100.0, 20.0


def watched_until(
    monkeypatch: pytest.MonkeyPatch, found: Callable[[float], Recovery], observe: float = 1.0, wants_back: float = 1e9
) -> float:
    """When the watching ends, in seconds since the cutover; what is found depends on that time."""
    now = BEGAN + observe
    monkeypatch.setattr(migrations, "monotonic", lambda: now)
    options = MigrationOptions(strategy="copy", observe=observe, max_recovery=LIMIT)
    context: Any = SimpleNamespace(options=options, cutovers=[(BEGAN, None)])

    async def compared(_: Any) -> KeyComparison:
        return KeyComparison()

    async def lets_time_go_by(until_seconds: float) -> bool:
        nonlocal now
        now = until_seconds
        return now >= BEGAN + wants_back

    async def go() -> None:
        migration = Migration(context, lambda: None, compared, lambda: found(now - BEGAN))
        monkeypatch.setattr(migration, "_wants_back", lets_time_go_by)
        await migration._until_recovered()

    asyncio.run(go())
    return now - BEGAN


def recovered_after(seconds: float) -> Callable[[float], Recovery]:
    return lambda now: Recovery(seconds, seconds, {}) if now >= seconds else Recovery(now, None, {})


@pytest.mark.parametrize("after", [0.0, 4.0, 13.0])
def test_it_is_watched_until_all_was_as_before_for_some_seconds(monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    ended = watched_until(monkeypatch, recovered_after(after))
    assert after + STEADY_SECONDS <= ended < after + STEADY_SECONDS + 1


def test_what_was_watched_for_long_must_have_been_as_before_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 4 + 8 <= watched_until(monkeypatch, recovered_after(4.0), observe=8.0) < 4 + 8 + 1


def test_it_is_not_watched_beyond_what_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LIMIT < watched_until(monkeypatch, lambda now: Recovery(now, None, {})) < LIMIT + 1
    # Nobody knows, and nothing that comes will tell.
    never = watched_until(monkeypatch, lambda _: Recovery(0.0, None, {}))
    assert LIMIT + STEADY_SECONDS < never < LIMIT + STEADY_SECONDS + 2
    assert watched_until(monkeypatch, lambda _: Recovery(0.0, None, {}, SATURATED)) == 1.0
    assert 7 <= watched_until(monkeypatch, lambda now: Recovery(now, None, {}), wants_back=7.0) < 8
