"""Compares two databases in rounds: each reads again only what differed in the one before."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final, TypeVar

from redis_rehearsal.cache.client import CONNECT_SECONDS, VARIABLES, first_contact, info_lines
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import ConfigurationError, first_of
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import absent
from redis_rehearsal.verification.compare.classify import (
    Difference,
    Kind,
    Policies,
    converged,
    judge,
    runs_out_seconds,
    tally,
)
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.pair import Compared, Pair
from redis_rehearsal.verification.compare.reader import BATCH_KEYS, ComparedServer, batches
from redis_rehearsal.verification.compare.result import EXAMPLES, Comparison, Progress, Round
from redis_rehearsal.verification.compare.store import DifferenceStore
from redis_rehearsal.verification.compare.whole import whole_value

_Item = TypeVar("_Item")
Explain = Callable[[Difference], str | None]
Record = Callable[[Difference, Any, Any], None]

_AT_ONCE: Final = 6
_SOON_MS: Final = 2_000
_LONGEST_LOOK_MS: Final = 10_000
"""What lives for longer is not waited for."""
_LATE_SECONDS: Final = 0.05
"""A server may keep what has run out for a moment."""
_DEFAULTS: Final = CompareOptions()


async def compare(
    source: Endpoint,
    target: Endpoint,
    options: CompareOptions = _DEFAULTS,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    leave_out: Callable[[bytes], bool] | None = None,
    explain: Explain = lambda _: None,
    record: Record | None = None,
    values: bool = False,
    called: tuple[Role, Role] = ("source", "target"),
    replicated: bool | None = None,
) -> Comparison:
    """Compare two databases key by key, both ways. Nothing is written to either.

    Args:
        source: one of them.
        target: the other.
        options: what is compared, and how often.
        progress: is told several times a second how far it is.
        leave_out: whether a key is not to be looked at.
        explain: says why a difference that remains is benign; None where it is not.
        record: is given each difference that remains, benign or not, and with `values` both whole values.
        values: read the whole values of the keys that differ for `record`, however large.
        called: what people know the two as; on the way back they are exchanged.
        replicated: whether one has what it has by following the other; None for what their replication ids tell.

    Returns:
        What it came to.

    Raises:
        ConfigurationError: a server cannot be used, or both are one.
        CannotTellError: a server went away meanwhile, or does not permit it to be read.
    """
    soon = min(options.timeout, CONNECT_SECONDS)
    one = await first_contact(called[0], VARIABLES[called[0]], source, soon)
    other = await first_contact(called[1], VARIABLES[called[1]], target, soon)
    if one.run_id and one.run_id == other.run_id and source.database == target.database:
        raise ConfigurationError(
            f"The {called[0]} {source} and the {called[1]} {target} are the same database; name two different ones."
        )
    async with (
        ComparedServer(called[0], source, options.timeout) as left,
        ComparedServer(called[1], target, options.timeout) as right,
    ):
        followed = await _replicated(left, right) if replicated is None else replicated
        pair = Pair(left, right, round(options.max_ttl_drift * 1000), replicated=followed)
        with closing(DifferenceStore()) as store:
            return await _Rounds(pair, options, progress, store, leave_out).run(explain, record, values=values)


class _Rounds:
    """One comparison."""

    def __init__(
        self,
        pair: Pair,
        options: CompareOptions,
        progress: Callable[[Progress], None],
        store: DifferenceStore,
        leave_out: Callable[[bytes], bool] | None,
    ) -> None:
        self._leave_out = leave_out
        self._pair = pair
        self._source, self._target = pair.source, pair.target
        self._options = options
        self._tolerance_ms = round(options.max_ttl_drift * 1000)
        self._progress = progress
        self._store = store
        self._comparison = Comparison(sampled=options.sample is not None, max_not_carried=options.max_not_carried)
        self._round = 1
        self._began = self._round_began = monotonic()
        self._keys = 0
        self._differing = 0
        self._unreadable: set[bytes] = set()
        self._polled: set[bytes] = set()
        self._total: int | None = None
        self._policies: Policies = ("", "")

    async def run(self, explain: Explain, record: Record | None, *, values: bool) -> Comparison:
        comparison = self._comparison
        evicted = [await _evicted(asker) for asker in (self._source, self._target)]
        self._policies = await _policy(self._source), await _policy(self._target)
        if self._options.sample is None:
            if self._options.pattern is None:
                self._total = int(await self._source.ask("DBSIZE"))
            await self._each(batches(self._source, self._options.pattern), self._first)
            await self._each(batches(self._target, self._options.pattern), self._extra)
        else:
            await self._each(_sample(self._source, self._target, self._options), self._first)
        comparison.keys_compared = self._keys
        self._end_round()
        while self._round < self._options.rounds and self._differing:
            await asyncio.sleep(self._options.round_interval)
            self._round += 1
            self._round_began, self._keys, self._total = monotonic(), 0, self._differing
            await self._each(_turns(self._store.batches(BATCH_KEYS)), self._again)
            self._end_round()
        await self._look_last()
        lost = [
            await _evicted(asker) - before for asker, before in zip((self._source, self._target), evicted, strict=True)
        ]
        await self._settle(lost, explain, record, values=values)
        comparison.seconds = monotonic() - self._began
        return comparison

    async def _look_last(self) -> None:
        """Look at those again that only one server has, for a moment only: whether they are gone then."""
        within_ms = min(max(self._tolerance_ms, _SOON_MS), _LONGEST_LOOK_MS)
        until = 0.0
        for batch in self._store.batches(BATCH_KEYS):
            until = max([until, *filter(None, (runs_out_seconds(each, within_ms) for each in batch))])
        if until:
            await asyncio.sleep(max(0.0, until + _LATE_SECONDS - monotonic()))
            going = (
                [each for each in batch if runs_out_seconds(each, within_ms) is not None]
                for batch in self._store.batches(BATCH_KEYS)
            )
            await self._each(_turns(batch for batch in going if batch), self._again)

    async def _each(self, batches: AsyncIterator[list[_Item]], work: Callable[[list[_Item]], Awaitable[None]]) -> None:
        """Work on some batches at once, so that the servers are never waiting for us."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(batch: list[_Item]) -> None:
            try:
                await work(batch)
            finally:
                slots.release()

        try:
            async with asyncio.TaskGroup() as group:
                async for batch in batches:
                    await slots.acquire()
                    group.create_task(one(batch))
        except BaseExceptionGroup as errors:
            raise first_of(errors) from None

    def _wanted(self, keys: list[bytes]) -> list[bytes]:
        return keys if self._leave_out is None else [key for key in keys if not self._leave_out(key)]

    async def _first(self, keys: list[bytes]) -> None:
        keys = self._wanted(keys)
        compared = await self._pair.compare(keys)
        self._note(keys, compared)

    async def _extra(self, keys: list[bytes]) -> None:
        extra = await absent(self._source, self._wanted(keys))
        if extra:
            self._note(extra, await self._pair.compare(extra))
        else:
            self._tell()

    def _note(self, keys: list[bytes], compared: Compared) -> None:
        self._keys += len(keys)
        self._note_unreadable(compared, compared.unreadable)
        self._polled |= compared.polled
        self._comparison.drift.merge(compared.drift)
        self._store.note_not_carried((), compared.not_carried)
        self._store.put(judge(found, None, self._tolerance_ms) for found in compared.differences)
        self._differing += len(compared.differences)
        self._tell()

    def _note_unreadable(self, compared: Compared, keys: set[bytes]) -> None:
        self._comparison.unreadable += len(keys)
        self._comparison.unreadable_types |= compared.unreadable_types
        self._comparison.notes |= compared.notes
        # Only what differs is looked at again.
        self._unreadable |= keys.intersection(found.key for found in compared.differences)

    async def _again(self, batch: list[Difference]) -> None:
        before = {difference.key: difference for difference in batch}
        compared = await self._pair.compare(list(before))
        self._note_unreadable(compared, compared.unreadable - self._unreadable)
        self._polled = self._polled.difference(before) | compared.polled
        self._comparison.drift.merge(compared.drift)
        now = [
            judge(found, before.pop(found.key), self._tolerance_ms, self._policies) for found in compared.differences
        ]
        gone = set(await absent(self._source, list(before)))
        self._store.note_not_carried([difference.key for difference in batch], compared.not_carried)
        seen = monotonic()
        for key, difference in before.items():
            reason = converged(difference, seen, gone=key in gone)
            self._comparison.benign[reason] = self._comparison.benign.get(reason, 0) + 1
        self._store.remove(before)
        self._store.put(now)
        self._keys += len(batch)
        self._differing -= len(before)
        self._tell()

    async def _settle(self, lost: list[int], explain: Explain, record: Record | None, *, values: bool) -> None:
        comparison = self._comparison
        comparison.not_carried = self._store.not_carried()
        if self._polled:
            comparison.notes.add(
                "streams that differ in nothing but consumers that have nothing pending, and how often entries were "
                f"delivered: {len(self._polled):,} (one server has followed the other, and reading changes one alone)"
            )
        for batch in self._store.batches(BATCH_KEYS):
            for difference in batch:
                reason = explain(difference) or ""
                lacking = _LACKING.get(difference.kind)
                evicted = difference.evictable and lacking is not None and lost[lacking] > 0
                if evicted and lacking is not None:
                    lost[lacking] -= 1
                if reason:
                    comparison.benign[reason] = comparison.benign.get(reason, 0) + 1
                elif evicted:
                    comparison.evicted += 1
                elif difference.unsettled:
                    comparison.unsettled += 1
                else:
                    comparison.counts[difference.kind.value] += 1
                    comparison.drift.add(_drift_ms(difference))
                    if len(comparison.examples) < EXAMPLES:
                        comparison.examples.append(difference)
                if record is not None:
                    told = replace(difference, benign=reason, unsettled=difference.unsettled or evicted)
                    await self._record(told, record, values=values)

    async def _record(self, difference: Difference, record: Record, *, values: bool) -> None:
        held = [
            await whole_value(asker, difference.key, summary.type) if values and summary is not None else None
            for asker, summary in ((self._source, difference.source), (self._target, difference.target))
        ]
        record(difference, *held)

    def _tell(self) -> None:
        seconds = monotonic() - self._round_began
        self._progress(Progress(self._round, self._keys, self._total, self._differing, seconds))

    def _end_round(self) -> None:
        # A key that SCAN gave twice was noted twice, and is kept once.
        self._differing = len(self._store)
        counts = tally(self._store.counts())
        self._comparison.rounds.append(Round(self._keys, counts, monotonic() - self._round_began))
        self._tell()


def _drift_ms(difference: Difference) -> int:
    source, target = difference.source, difference.target
    if difference.kind is not Kind.TTL or source is None or target is None:
        return 0
    # For ever and some time are not apart by any time.
    return 0 if source.ttl_ms is None or target.ttl_ms is None else abs(source.ttl_ms - target.ttl_ms)


_LACKING: Final = {Kind.EXTRA: 0, Kind.MISSING: 1}


async def _turns(batches: Iterator[list[_Item]]) -> AsyncIterator[list[_Item]]:
    for batch in batches:
        yield batch


async def _information(asker: Asker, section: str) -> dict[str, str]:
    return info_lines(await asker.ask("INFO", section))


async def _evicted(asker: Asker) -> int:
    count = (await _information(asker, "stats")).get("evicted_keys", "0")
    return int(count) if count.isdigit() else 0


async def _replicated(source: Asker, target: Asker) -> bool:
    """Whether one follows the other, or did before it was promoted: their histories have a name in common."""
    histories = []
    for asker in (source, target):
        shown = await _information(asker, "replication")
        names = {shown.get(name, "").strip() for name in ("master_replid", "master_replid2")}
        histories.append({name for name in names if name.strip("0")})
    return bool(histories[0] & histories[1])


async def _policy(asker: Asker) -> str:
    return (await _information(asker, "memory")).get("maxmemory_policy", "").strip()


async def _sample(source: Asker, target: Asker, options: CompareOptions) -> AsyncIterator[list[bytes]]:
    """Random keys of both: those whose names have the lowest hashes, so that both servers choose the same ones."""
    size = options.sample or 0
    # The hash of bytes has a secret that differs from process to process.
    chosen: set[tuple[int, bytes]] = set()
    for asker in (source, target):
        lowest: list[tuple[int, bytes]] = []
        async for keys in batches(asker, options.pattern):
            most = -lowest[0][0] if len(lowest) >= size else None
            for key in keys:
                number = hash(key)
                if most is None or number < most:
                    _keep(lowest, (-number, key), size)
        chosen.update((-number, key) for number, key in lowest)
    picked = [key for _, key in sorted(chosen)[:size]]
    for start in range(0, len(picked), BATCH_KEYS):
        yield picked[start : start + BATCH_KEYS]


def _keep(lowest: list[tuple[int, bytes]], entry: tuple[int, bytes], size: int) -> None:
    if len(lowest) < size:
        heapq.heappush(lowest, entry)
    else:
        heapq.heappushpop(lowest, entry)
