"""Compares a batch of keys on two servers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redis_rehearsal.clock import monotonic
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, heads, lengths
from redis_rehearsal.keyspace.types import NONE
from redis_rehearsal.verification.compare.classify import (
    QUICK_MS,
    TRIES,
    UNREAD,
    Difference,
    Kind,
    Summary,
    classify,
    ttl_differs,
)
from redis_rehearsal.verification.compare.contents import (
    READABLE,
    Content,
    Unreadable,
    Unsure,
    contents,
    digest_of,
    same,
)
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.compare.field_ttls import FieldTtls
from redis_rehearsal.verification.compare.reader import cost_ms_since
from redis_rehearsal.verification.compare.stream_counts import IDLE_TIMES, NO_ENTRIES_READ, stream_counts

_Digests = tuple[str | None, str | None]


@dataclass(slots=True)
class Compared:
    """What comparing a batch showed.

    Attributes:
        differences: of its keys.
        unreadable: those of its keys that have a value that a server has no command for.
        unreadable_types: the types of those.
        drift: of the times to live of those that are the same, as far as it is tolerated.
        not_carried: of the keys that have what the target cannot hold, how many such things.
        notes: what was not compared, since no copy can carry it.
        polled: streams that differ in nothing but what reading alone changes on one of the servers.
    """

    differences: list[Difference] = field(default_factory=list)
    unreadable: set[bytes] = field(default_factory=set)
    unreadable_types: set[str] = field(default_factory=set)
    drift: Drift = field(default_factory=Drift)
    not_carried: dict[bytes, int] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    polled: set[bytes] = field(default_factory=set)


class Pair:
    """The source and the target, read together.

    Args:
        source: asker of it.
        target: asker of it.
        tolerance_ms: by so much times to live may differ.
        replicated: whether one has followed the other, so that it lacks what replication does not carry.
    """

    def __init__(self, source: Asker, target: Asker, tolerance_ms: int, *, replicated: bool = False) -> None:
        self.source = source
        self.target = target
        self._replicated = replicated
        self._tolerance_ms = tolerance_ms
        self._field_ttls = FieldTtls(source, target, tolerance_ms)

    async def compare(self, keys: Sequence[bytes], tries: int = TRIES) -> Compared:
        """Read keys on both servers and compare them.

        Args:
            keys: their names, each once.
            tries: how often a key is read again that was being made or replaced while it was read.

        Raises:
            CannotTellError: a server went away or does not permit it.
        """
        packed = bulk(keys)
        began = monotonic()
        (types, ttls), (target_types, target_ttls) = await asyncio.gather(
            heads(self.source, packed), heads(self.target, packed)
        )
        cost_ms = cost_ms_since(began)
        # None where the values were not compared.
        differing: dict[int, _Digests | None] = {}
        if types != target_types:
            for place, kinds in enumerate(zip(types, target_types, strict=True)):
                if kinds[0] != kinds[1]:
                    differing[place] = None
        drifting: list[int] = []
        slow = cost_ms > QUICK_MS
        if slow or ttls != target_ttls:
            for place, (ttl, target_ttl) in enumerate(zip(ttls, target_ttls, strict=True)):
                # Read far apart in time, equal times to live are not the same.
                if ttl == target_ttl and (ttl < 0 or not slow):
                    continue
                if ttl_differs(_as_ttl(ttl), _as_ttl(target_ttl), self._tolerance_ms + cost_ms):
                    differing.setdefault(place, None)
                elif slow or abs(ttl - target_ttl) > cost_ms:
                    drifting.append(place)
        compared = Compared()
        for kind, places in _by_type(types, target_types):
            await self._compare_values(kind, places, (keys, packed), differing, compared)
        await self._drift(packed, [place for place in drifting if place not in differing], differing, compared)
        if differing:
            again = await self._describe(keys, differing, compared, last=tries <= 1)
            if again:
                more = await self.compare(again, tries - 1)
                compared.differences += more.differences
                compared.drift.merge(more.drift)
                compared.not_carried |= more.not_carried
                compared.unreadable |= more.unreadable
                compared.unreadable_types |= more.unreadable_types
                compared.notes |= more.notes
                compared.polled |= more.polled
        return compared

    async def _drift(
        self,
        packed: Sequence[bytes],
        drifting: Sequence[int],
        differing: dict[int, _Digests | None],
        compared: Compared,
    ) -> None:
        """Look again at times to live that are apart: few are read faster, and one may just have been renewed."""
        if not drifting:
            return
        names = [packed[place] for place in drifting]
        for _ in range(TRIES):
            began = monotonic()
            (_, ttls), (_, target_ttls) = await asyncio.gather(heads(self.source, names), heads(self.target, names))
            cost_ms = cost_ms_since(began)
            if cost_ms <= QUICK_MS:
                break
        for place, ttl, target_ttl in zip(drifting, ttls, target_ttls, strict=True):
            if ttl < 0 and target_ttl < 0:
                continue
            differs = _ttl_differs(_as_ttl(ttl), _as_ttl(target_ttl), self._tolerance_ms, cost_ms)
            if differs is False:
                compared.drift.add(abs(ttl - target_ttl) - cost_ms)
            else:
                differing[place] = (None, None)

    async def _compare_values(
        self,
        kind: bytes,
        places: Sequence[int],
        names: tuple[Sequence[bytes], Sequence[bytes]],
        differing: dict[int, _Digests | None],
        compared: Compared,
    ) -> None:
        if kind not in READABLE:
            compared.unreadable.update(names[0][place] for place in places)
            compared.unreadable_types.add(kind.decode(errors="replace"))
            differing.update((place, (None, None)) for place in places if place in differing)
            return
        keys, packed = names
        if len(places) < len(keys):
            keys, packed = [keys[place] for place in places], [packed[place] for place in places]
        counts = kind == b"stream" and await self._stream_counts(keys, compared)
        here, there = await asyncio.gather(
            contents(self.source, kind, keys, packed, counts=counts),
            contents(self.target, kind, keys, packed, counts=counts),
        )
        if kind == b"stream" and self._replicated:
            await self._without_polling(keys, (here, there), compared, counts=counts)
        if kind == b"hash":
            fields = await self._field_ttls.compare(keys, here)
            compared.not_carried |= {keys[at]: things for at, things in fields.not_carried.items()}
            for at in fields.differing:
                there[at] = _other_field_ttls(there[at])
            for at in fields.untold:
                there[at] = Unsure()
        # What cannot be read is one object, so that two of it are equal; whoever compares must not take it for so.
        if here == there and not any(isinstance(content, Unreadable) for content in here[:1]):
            if differing:
                known = [(at, place) for at, place in enumerate(places) if place in differing]
                differing.update((place, self._digests(here[at], there[at])) for at, place in known)
            return
        for at, place in enumerate(places):
            source, target = here[at], there[at]
            if isinstance(source, Unreadable) or isinstance(target, Unreadable):
                compared.unreadable.add(keys[at])
                compared.unreadable_types.add(kind.decode())
                if place in differing:
                    differing[place] = (None, None)
            elif place in differing or not same(source, target):
                differing[place] = self._digests(source, target)

    async def _without_polling(
        self, keys: Sequence[bytes], values: tuple[list[Content], list[Content]], compared: Compared, *, counts: bool
    ) -> None:
        """Read streams that differ again, without what reading alone changes on one of the servers."""
        here, there = values
        places = [at for at in range(len(keys)) if not same(here[at], there[at])]
        if not places:
            return
        names = [keys[at] for at in places]
        lean, lean_there = await asyncio.gather(
            contents(self.source, b"stream", names, bulk(names), counts=counts, polling=False),
            contents(self.target, b"stream", names, bulk(names), counts=counts, polling=False),
        )
        for at, source, target in zip(places, lean, lean_there, strict=True):
            if same(source, target):
                here[at], there[at] = source, target
                compared.polled.add(keys[at])

    async def _stream_counts(self, keys: Sequence[bytes], compared: Compared) -> bool:
        """Account for what only one of the servers knows of streams; returns whether both know the same."""
        source, target = await asyncio.gather(stream_counts(self.source, keys), stream_counts(self.target, keys))
        if source.consumers or target.consumers:
            compared.notes.add(IDLE_TIMES)
        if target.known and not source.known and source.groups:
            compared.notes.add(NO_ENTRIES_READ)
        if not target.known:
            compared.not_carried |= {keys[at]: things for at, things in source.things.items()}
        return source.known and target.known

    def _digests(self, source: Content, target: Content) -> _Digests | None:
        if isinstance(source, Unsure) or isinstance(target, Unsure):
            return None
        if same(source, target):
            # Their bytes may differ all the same.
            return digest_of(source), digest_of(source)
        return digest_of(source), digest_of(target)

    async def _describe(
        self, keys: Sequence[bytes], differing: dict[int, _Digests | None], compared: Compared, *, last: bool
    ) -> list[bytes]:
        """Look again at keys that differ, since the two servers were not read in one moment.

        Returns:
            The keys that must be compared anew: their values, or times to live that took too long to read.
        """
        packed = bulk([keys[place] for place in differing])
        digests = [found or (None, None) for found in differing.values()]
        began = monotonic()
        sources, targets = await asyncio.gather(
            _summaries(self.source, packed, [source for source, _ in digests]),
            _summaries(self.target, packed, [target for _, target in digests]),
        )
        now, cost_ms = monotonic(), cost_ms_since(began)
        again = []
        for place, source, target in zip(differing, sources, targets, strict=True):
            if differing[place] is None and source is not None and target is not None and source.type == target.type:
                if not last:
                    again.append(keys[place])
                    continue
                # It never stood still; it is not equal for that.
                source, target = replace(source, digest=UNREAD[0]), replace(target, digest=UNREAD[1])
            kind = classify(source, target, self._tolerance_ms + cost_ms)
            untold = (
                kind is None
                and source is not None
                and target is not None
                and _ttl_differs(source.ttl_ms, target.ttl_ms, self._tolerance_ms, cost_ms) is None
            )
            if untold and not last:
                again.append(keys[place])
            elif untold or kind is not None:
                found = Difference(keys[place], kind or Kind.TTL, source, target, now, unsettled=untold)
                compared.differences.append(found)
        return again


async def _summaries(asker: Asker, packed: Sequence[bytes], digests: Sequence[str | None]) -> list[Summary | None]:
    types, ttls = await heads(asker, packed)
    found = await lengths(asker, packed, types)
    return [
        None if kind == NONE else Summary(kind.decode(errors="replace"), length, _as_ttl(ttl), digest)
        for kind, length, ttl, digest in zip(types, found, ttls, digests, strict=True)
    ]


def _ttl_differs(source_ms: int | None, target_ms: int | None, tolerance_ms: int, cost_ms: int) -> bool | None:
    """Whether two times to live differ by more than the tolerance; None where reading them took too long to tell.

    Args:
        source_ms: None for ever.
        target_ms: None for ever.
        tolerance_ms: by so much they may.
        cost_ms: so long reading both took: by so much they may be nearer to each other, or further apart.
    """
    if ttl_differs(source_ms, target_ms, tolerance_ms + cost_ms):
        return True
    if cost_ms <= QUICK_MS or source_ms is None or target_ms is None:
        return False
    return None if abs(source_ms - target_ms) + cost_ms > tolerance_ms else False


def _other_field_ttls(content: Content) -> Content:
    """The value of a hash of which a field lives longer or shorter than on the source."""
    found = digest_of(content)
    return content if found is None else f"{found}, with other times to live of fields"


def _as_ttl(reply: int) -> int | None:
    return reply if reply >= 0 else None


def _by_type(types: Sequence[bytes], target_types: Sequence[bytes]) -> list[tuple[bytes, Sequence[int]]]:
    """The places of keys that both servers have with one type, type by type."""
    if types == target_types and len(kinds := set(types)) == 1 and NONE not in kinds:
        return [(types[0], range(len(types)))]
    places: dict[bytes, list[int]] = {}
    for place, (kind, target_kind) in enumerate(zip(types, target_types, strict=True)):
        if kind == target_kind != NONE:
            places.setdefault(kind, []).append(place)
    return list(places.items())
