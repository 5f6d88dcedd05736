"""After a cutover: the two servers key by key, and what the workload itself explains."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.encodings import ENCODINGS
from redis_rehearsal.cache.encodings.base import COMPUTED_AT, expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.clock import monotonic, unix
from redis_rehearsal.coordinator.left_server import Look, look_at, written
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.errors import RehearsalError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.replies import GONE, unix_seconds
from redis_rehearsal.keyspace.types import JSON, NONE
from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.compare.classify import Difference, Kind
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.reader import ComparedServer
from redis_rehearsal.verification.compare.rounds import compare
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.workload.buckets import expires_seconds
from redis_rehearsal.workload.keys import WRITTEN_KINDS, Keys
from redis_rehearsal.workload.queries import INVALIDATED_KINDS

_SOON_MS: Final = 2_000
_CLOCK_LOOKS: Final = 5
_QUICK_SECONDS: Final = 0.1
"""What took longer says too little of how late it is elsewhere."""
_LEAST_TOLERANCE_SECONDS: Final = 0.5
_BATCH: Final = 200
_TIMEOUT_SECONDS: Final = 10.0
_ON_ITS_WAY_SECONDS: Final = 1.0
"""A deletion may reach a server so long after its event at most."""
_PATIENCE_SECONDS: Final = 5.0
"""Event rows reach the database some time after the deletions that they explain."""
_ENCODING_OF_TYPE: Final = {
    **{name.encode(): encoding for name, encoding in ENCODINGS.items()},
    b"zset": ENCODINGS["sorted-set"],
    JSON: ENCODINGS["json"],
}
_ACCOUNTED: Final = "written since the cutover, as the ledger has it"
_COMPUTED: Final = "computed since the cutover"
_DELETED: Final = "deleted since the cutover by an event"

Audits = Callable[[], Awaitable[Audit]]
"""Holds the ledger against the servers."""
DeletedSince = Callable[[float], Awaitable[tuple[set[int], bool]]]
"""The numbers of the organisations of which an event deleted reports since a Unix time, and whether those are all."""


class AfterCutover:
    """Explains what differs once only the target was written to for a while.

    Args:
        keys: the names of keys.
        cutover_seconds: when the application left the source, Unix time.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many buckets a counter outlives its own.
        drift_seconds: by so much times to live may be off.
        operation_timeout: what was begun so long before the cutover, in seconds, may have ended after it.
        stored_late: keys of reports that the application itself stored on the target though they had been computed
            before it moved, and when they were computed, Unix time in milliseconds.

    Attributes:
        undecided: how many reports are missing, or there, of which it is not known whether an event deleted them.
        unsettled: how many structures differ of which it is not known whether that is right, since they never rest.
        written_behind: keys that differ and that somebody wrote to on the source while they were compared.
        drift_seconds: the same.
    """

    def __init__(
        self,
        keys: Keys,
        cutover_seconds: float,
        bucket_seconds: int,
        buckets_kept: int,
        drift_seconds: float,
        operation_timeout: float,
        stored_late: Collection[tuple[str, int]] = (),
    ) -> None:
        self._keys = keys
        self._stored_late = stored_late
        self._deleted_kinds = {kind.encode() for kind in INVALIDATED_KINDS}
        self._cutover_seconds = cutover_seconds
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self.drift_seconds = drift_seconds
        self._operation_timeout = operation_timeout
        self.written_behind: set[bytes] = set()
        self._late_seconds = operation_timeout + _LEAST_TOLERANCE_SECONDS
        # Asking takes time, too.
        self._expiry_tolerance_seconds = max(drift_seconds, _LEAST_TOLERANCE_SECONDS)
        self._found: dict[str, list[Difference]] = {reason: [] for reason in (_ACCOUNTED, _COMPUTED, _DELETED)}
        self._gone: set[bytes] = set()
        self._under_way: list[tuple[Difference, int]] = []
        self.undecided: Counter[str] = Counter()
        self.unsettled = 0

    def explain(self, difference: Difference) -> str | None:
        """Why a difference may be benign, which `unexplained` looks into; None where it is not."""
        if difference.source_moved:
            self.written_behind.add(difference.key)
        reason = self._reason(difference)
        if reason in self._found:
            self._found[reason].append(difference)
        return reason

    def _reason(self, difference: Difference) -> str | None:
        parsed, kind = self._keys.parse(difference.key), difference.kind
        if parsed is None:
            return None
        if parsed.kind in WRITTEN_KINDS:
            return None if kind in (Kind.MISSING, Kind.TYPE) else _ACCOUNTED
        if kind is Kind.TTL:
            return None
        if kind is Kind.MISSING:
            return _DELETED if self._is_deletable(difference) else None
        return _COMPUTED

    def _is_deletable(self, difference: Difference) -> bool:
        """Whether it is of a report that events delete."""
        parsed = self._keys.parse(difference.key)
        return parsed is not None and parsed.name in self._deleted_kinds

    def _organization(self, difference: Difference) -> int | None:
        parsed = self._keys.parse(difference.key)
        return None if parsed is None else parsed.organization

    async def unexplained(
        self, source: Asker, target: Asker, audit: Audits, deleted_since: DeletedSince
    ) -> Counter[tuple[Kind, str]]:
        """Of those that may be benign, the ones that nothing explains, by class and by what might have explained them.

        Args:
            source: the server that was left.
            target: the server that was moved to.
            audit: holds the ledger against the servers.
            deleted_since: knows of which organisations reports were deleted.

        Raises:
            CannotTellError, OSError, TimeoutError, asyncpg.PostgresError: a server could not be read.
        """
        found: Counter[tuple[Kind, str]] = Counter()
        old = await _those(self._found[_COMPUTED], lambda each: self._is_since(source, target, each))
        found.update((each.kind, _COMPUTED) for each in old)
        known = await audit()
        lead = await _server_lead_seconds(target)

        async def is_accounted_for(each: Difference) -> bool:
            return await self._is_accounted_for(source, target, each, known.verified, lead)

        doubtful = await _those(self._found[_ACCOUNTED], is_accounted_for)
        if doubtful:
            # One that was made just now gets its time to expire a moment later.
            await asyncio.sleep(_SOON_MS / 1000)
            doubtful = await _those(doubtful, is_accounted_for)
        restless = [each for each in doubtful if each.key.decode(errors="replace") in known.unsettled]
        self.unsettled = len(restless)
        found.update((each.kind, _ACCOUNTED) for each in doubtful if each not in restless)
        for each in await self._not_deleted(deleted_since):
            found[each.kind, _COMPUTED if each.key in self._gone else _DELETED] += 1
        await self._look_at_those_under_way(deleted_since)
        return found

    async def _look_at_those_under_way(self, deleted_since: DeletedSince) -> None:
        """Of reports that were being computed at the cutover one that an event may have deleted is not decided."""
        for each, computed_ms in self._under_way:
            if self._is_deletable(each):
                # What was deleted before it was computed says nothing of it, but for what was on its way then.
                deleted, are_all = await deleted_since(computed_ms / 1000 - _ON_ITS_WAY_SECONDS)
                self.undecided[_COMPUTED] += not are_all or self._organization(each) in deleted

    async def _not_deleted(self, deleted_since: DeletedSince) -> list[Difference]:
        """Reports that are missing of organisations of which nothing was deleted since the cutover."""
        until = monotonic() + _PATIENCE_SECONDS
        while True:
            # What was deleted right before it may have been on its way to one of them still.
            deleted, are_all = await deleted_since(self._cutover_seconds - _ON_ITS_WAY_SECONDS)
            left = [each for each in self._found[_DELETED] if self._organization(each) not in deleted]
            if not left:
                return []
            if monotonic() > until:
                if are_all:
                    return left
                self.undecided += Counter(_COMPUTED if each.key in self._gone else _DELETED for each in left)
                return []
            await asyncio.sleep(1.0)

    async def _is_since(self, left: Asker, right: Asker, difference: Difference) -> bool:
        """Whether a report is a right one that was computed since the cutover, or has gone as reports do."""
        found = await self._computed_at(right, difference)
        name = difference.key.decode(errors="replace")
        if found is None:
            return self._went(difference)
        if found >= int(self._cutover_seconds * 1000):
            return True
        if found < int((self._cutover_seconds - self._operation_timeout) * 1000):
            return False
        # A miss of before the cutover may have been stored after it; then the source has an older report, or none.
        before = await self._computed_at(left, difference)
        if before is not None and before >= found:
            return False
        if (name, found) not in self._stored_late:
            self._under_way.append((difference, found))
        return True

    async def _computed_at(self, server: Asker, difference: Difference) -> int | None:
        """When a right report was computed, in Unix milliseconds; -1 for what is none, None where there is nothing."""
        kind = await server.ask("TYPE", difference.key)
        if kind == NONE:
            return None
        encoding = _ENCODING_OF_TYPE.get(kind) if isinstance(kind, bytes) else None
        try:
            name = difference.key.decode()
        except UnicodeDecodeError:
            return -1  # none of ours
        if encoding is None:
            return -1
        value = await server.ask(*encoding.read_arguments(name))
        if value is None or value == []:
            return None
        envelope = encoding.envelope(value)
        right = encoding.is_right(value, expected_identity(self._keys.identity_in(name)))
        return int(envelope[COMPUTED_AT]) if right and envelope is not None else -1

    def _went(self, difference: Difference) -> bool:
        """Whether a report of the target has run out since; or an event may have deleted it, which is asked then."""
        held = difference.target
        lives_ms = held.ttl_ms if held is not None else None
        # How long it lives was asked for somewhat before that it was seen.
        now_seconds = monotonic() + _LEAST_TOLERANCE_SECONDS
        if lives_ms is not None and now_seconds >= difference.seen_seconds + lives_ms / 1000:
            return True
        if not self._is_deletable(difference):
            return False
        self._found[_DELETED].append(difference)
        self._gone.add(difference.key)
        return True

    async def _is_accounted_for(
        self, left: Asker, right: Asker, difference: Difference, verified: set[str], lead_seconds: float
    ) -> bool:
        """Whether the ledger predicts what the target has, it expires when it is to, and the source was left alone."""
        key = difference.key
        if key.decode(errors="replace") not in verified:
            return False
        lives = await right.ask("PTTL", key)
        parsed = self._keys.parse(key)
        start = None if parsed is None else parsed.bucket_start_seconds
        if not isinstance(lives, int) or parsed is None or start is None:
            return False
        expiry = expires_seconds(start // self._bucket_seconds, self._buckets_kept, self._bucket_seconds)
        if lives == GONE:
            return unix() + lead_seconds >= expiry - self._expiry_tolerance_seconds
        if start + self._bucket_seconds + self._late_seconds < self._cutover_seconds:
            return False  # nobody of ours has written to it since the cutover
        if abs(unix() + lead_seconds + lives / 1000 - expiry) > self._expiry_tolerance_seconds:
            return False
        if difference.kind is not Kind.VALUE or parsed.kind != "count":
            return True
        old, new = [await server.ask("GET", key) for server in (left, right)]
        return _number(old) <= _number(new)


def _number(reply: Reply) -> int:
    return int(reply) if isinstance(reply, bytes) and reply.isdigit() else 0


async def _those(found: Sequence[Difference], test: Callable[[Difference], Awaitable[bool]]) -> list[Difference]:
    """Those that do not pass a test."""
    failed: list[Difference] = []
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        passed: Iterable[bool] = await asyncio.gather(*map(test, batch))
        failed += [each for each, good in zip(batch, passed, strict=True) if not good]
    return failed


async def _server_lead_seconds(server: Asker) -> float:
    """By how much a server's clock is ahead of ours; 0 where it may not be asked."""
    lead = 0.0
    for _ in range(_CLOCK_LOOKS):
        began = monotonic()
        reply = await server.reply("TIME")
        if not isinstance(reply, list):
            return 0.0
        lead = unix_seconds(reply) - unix()
        if monotonic() - began < _QUICK_SECONDS:
            break
    return lead


async def compare_servers(
    source: Endpoint,
    target: Endpoint,
    keys: Keys,
    after: AfterCutover,
    audit: Audits,
    deleted_since: DeletedSince,
    called: tuple[Role, Role] = ("source", "target"),
    left_with: Callable[[], Awaitable[Look | None]] | None = None,
    *,
    replicated: bool | None = None,
) -> KeyComparison:
    """Compare what is under the prefix on both servers; also while the target is written to.

    Args:
        source: the server that was left.
        target: the server that was moved to.
        keys: the names of keys.
        after: explains what differs.
        audit: holds the ledger against the servers.
        deleted_since: knows of which organisations reports were deleted.
        called: what people know the two as; on the way back they are exchanged.
        left_with: tells what the source held after the cutover; None where it is what it holds now.
        replicated: as of `compare`.
    """
    options = CompareOptions(prefix=keys.prefix, rounds=2, max_ttl_drift=after.drift_seconds)
    try:
        before = await (look_at(source, keys) if left_with is None else left_with())
        found = await compare(
            source, target, options, leave_out=keys.is_own, explain=after.explain, called=called, replicated=replicated
        )
        now = await look_at(source, keys)
        behind = after.written_behind | (written(before, now) if before is not None and now is not None else set())
        async with (
            ComparedServer(called[0], source, _TIMEOUT_SECONDS) as left,
            ComparedServer(called[1], target, _TIMEOUT_SECONDS) as right,
        ):
            unexplained = await after.unexplained(left, right, audit, deleted_since)
    except (RehearsalError, *CLIENT_ERRORS, *CONNECTION_ERRORS) as error:
        return KeyComparison(error=Cause.SERVERS_UNREAD.because(error=str(error) or type(error).__name__))
    counts, benign = Counter(found.counts), Counter(found.benign)
    for (kind, reason), count in unexplained.items():
        counts[kind.value] += count
        benign[reason] -= count
    benign -= after.undecided + Counter({_ACCOUNTED: after.unsettled})
    unreadable = NO_REASON
    if found.unreadable:
        types = ", ".join(sorted(found.unreadable_types))
        unreadable = Cause.TYPES_UNREADABLE.because(count=found.unreadable, types=types)
    elif count := after.undecided.total():
        unreadable = Cause.DELETIONS_UNKNOWN.because(count=count)
    elif after.unsettled:
        unreadable = Cause.KEPT_CHANGING.because(keys=f"{after.unsettled:,} structures")
    elif before is None or now is None:
        unreadable = Cause.WRITERS_UNKNOWN.because()
    return KeyComparison(
        found.keys_compared,
        dict(counts),
        +benign,
        found.drift,
        found.unsettled,
        found.evicted,
        len(behind),
        unreadable=unreadable,
        not_carried=found.not_carried,
        notes=sorted(found.notes),
    )
