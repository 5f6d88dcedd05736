"""Writes to live structures: each event goes into one of each kind, on the server to which its increment goes.

They have ledgers of their own, in the lanes of which every application is entered: one that a server refused is not
sent again, though the event's increment may be, so that what is there is what was acknowledged.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import hiredis
import numpy as np

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.refusals import is_surely_not_applied
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.attribution import Attribution
from redis_rehearsal.engine.increments import IncrementBlock
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.engine.recent_events import RecentEvents
from redis_rehearsal.workload.buckets import expires_seconds
from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.live import RECENT_KEPT, LiveStructure

_UNACCOUNTED: Final = -1
"""Stands for the place of a command whose reply says nothing of what is kept."""
_NEWEST_OF: Final = -2
"""This less a list's first place stands for the place of a command that asks for its newest element."""
_FORGET_SECONDS: Final = 10.0
"""So often every structure gets its document and its time to expire anew: a server may have lost it."""
_NEW_DOCUMENT: Final = "{" + ",".join(f'"{kind.name}":0' for kind in EVENT_TYPES) + "}"


_Written = tuple[int, int, bytes]
"""A place in the ledger, the code of a recent event (else 0), and the command."""
_Write = Callable[[Ledger, str, int, int, int, int], _Written | None]


class _LiveBatch(Batch):
    """Writes to one kind of structure; a place in the ledger for each command, or none.

    In the place of a recent event another one may stand by the time of its reply: `codes` tell them apart.
    """

    __slots__ = ("codes", "ledger", "places", "server", "tenants", "writes")
    operation = "structure_write"

    def __init__(
        self,
        writes: "LiveWrites",
        server: Server,
        ledger: Ledger,
        places: list[int],
        codes: list[int],
        tenants: list[int],
    ) -> None:
        super().__init__(len(places))
        self.writes = writes
        self.server = server
        self.ledger = ledger
        self.places = places
        self.codes = codes
        self.tenants = tenants

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self.writes.on_replies(self, replies, now_seconds)

    def on_lost(self, now_seconds: float) -> None:
        self.writes.on_lost(self)


class LiveWrites:
    """The live structures of a worker.

    Args:
        router: the connections.
        keys: the names of keys.
        organizations: number of the organisation of each tenant.
        ledgers: of each kind that is kept.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many buckets a structure outlives its own.
        users_per_org: how many users each organisation has.
        attribution: learns which connection acknowledged what.
        mirror: is told of tenants of which a write did not reach the second server.

    Attributes:
        counts: writes by what became of them: ok, failed, unknown.
    """

    def __init__(
        self,
        router: Router,
        keys: Keys,
        organizations: list[int],
        ledgers: dict[LiveStructure, Ledger],
        bucket_seconds: int,
        buckets_kept: int,
        users_per_org: int,
        attribution: Attribution,
        mirror: Mirror,
    ) -> None:
        self._attribution = attribution
        self._mirror = mirror
        self._router = router
        self._keys = keys
        self._organizations = organizations
        self._ledgers = ledgers
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self._widths = {structure: structure.width(users_per_org) for structure in ledgers}
        self._users_known = next((width for each, width in self._widths.items() if each.name == "users"), 0)
        self._recent = RecentEvents()
        self._prepared: set[tuple[Server, str]] = set()
        self._forget_seconds = 0.0
        self.counts: Counter[str] = Counter()

    def send(self, server: Server, mirror: Server | None, block: IncrementBlock, start: int, stop: int) -> None:
        """Write the block's events from `start` to `stop` into every kind of structure."""
        if not self._ledgers:
            return
        now = monotonic()
        if now > self._forget_seconds:
            self._prepared.clear()
            self._forget_seconds = now + _FORGET_SECONDS
        drawn = block.drawn
        events = list(
            zip(
                drawn.tenants[start:stop].tolist(),
                (block.occurred_seconds[start:stop] // self._bucket_seconds).astype(int).tolist(),
                drawn.types[start:stop].tolist(),
                drawn.users[start:stop].tolist(),
                drawn.pages[start:stop].tolist(),
                strict=True,
            )
        )
        for structure, ledger in self._ledgers.items():
            self._send_kind(server, mirror, structure, ledger, events)

    def _send_kind(
        self,
        server: Server,
        mirror: Server | None,
        structure: LiveStructure,
        ledger: Ledger,
        events: list[tuple[int, int, int, int, int]],
    ) -> None:
        commands: list[bytes] = []
        places: list[int] = []
        codes: list[int] = []
        tenants: list[int] = []
        width = self._widths[structure]
        write: _Write = getattr(self, f"_write_{structure.name}")
        for tenant, bucket, kind, user, page in events:
            self._open(ledger, bucket)
            row = ledger.place(bucket) + tenant * width
            key = self._keys.live(structure.name, self._organizations[tenant], bucket * self._bucket_seconds)
            written = write(ledger, key, row, kind, user, page)
            if written is None:
                continue
            place, code, command = written
            ledger.sent[place] += 1
            before, after = self._around(server, mirror, structure, key, bucket)
            first = _UNACCOUNTED
            if code and self._recent.has_moved(ledger, row, server):
                first = _NEWEST_OF - row
                before.append(pack("LRANGE", key, "0", "0"))
            commands += [*before, command, *after]
            places += [*(first for _ in before), place, *(_UNACCOUNTED for _ in after)]
            count = len(places) - len(tenants)
            tenants += [tenant] * count
            codes += [code] * count
        if not places:
            return
        packed = b"".join(commands)
        ordered = structure.name == "recent"
        batch = _LiveBatch(self, server, ledger, places, codes, tenants)
        if not (server.write_in_order if ordered else server.write)(packed, batch):
            for place, code in zip(places, codes, strict=True):
                if place >= 0:
                    self._note_failed(ledger, place, code)
            if mirror is not None:
                self._mirror.missed(tenants)
        if mirror is not None:
            mirrored = MirroredBatch(self._mirror, batch.operation, tenants)
            self._mirror.send(mirror.write_in_order if ordered else mirror.write, packed, mirrored)

    @staticmethod
    def _open(ledger: Ledger, bucket: int) -> None:
        if not ledger.has(bucket):
            ledger.open_bucket(bucket, np.int64(0))

    def _note_failed(self, ledger: Ledger, place: int, code: int) -> None:
        ledger.failed[place] += 1
        self.counts["failed"] += 1
        if code:
            self._recent.forget(place)

    def _around(
        self, server: Server, mirror: Server | None, structure: LiveStructure, key: str, bucket: int
    ) -> tuple[list[bytes], list[bytes]]:
        """What goes before a write and after it: a document must be there, and everything expires."""
        before: list[bytes] = []
        after = [pack("LTRIM", key, "0", str(RECENT_KEPT - 1))] if structure.name == "recent" else []
        ready = (server, key) in self._prepared and (mirror is None or (mirror, key) in self._prepared)
        if not ready:
            self._prepared.add((server, key))
            if mirror is not None:
                self._prepared.add((mirror, key))
            if structure.name == "document":
                before.append(pack("JSON.SET", key, "$", _NEW_DOCUMENT, "NX"))
            at = expires_seconds(bucket, self._buckets_kept, self._bucket_seconds)
            after.append(pack("EXPIREAT", key, str(at)))
        return before, after

    def _write_totals(self, ledger: Ledger, key: str, row: int, kind: int, user: int, page: int) -> _Written:
        return row + kind, 0, pack("HINCRBY", key, EVENT_TYPES[kind].name, "1")

    def _write_pages(self, ledger: Ledger, key: str, row: int, kind: int, user: int, page: int) -> _Written:
        return row + page, 0, pack("ZINCRBY", key, "1", PAGES[page])

    def _write_document(self, ledger: Ledger, key: str, row: int, kind: int, user: int, page: int) -> _Written:
        return row + kind, 0, pack("JSON.NUMINCRBY", key, f"$.{EVENT_TYPES[kind].name}", "1")

    def _write_users(self, ledger: Ledger, key: str, row: int, kind: int, user: int, page: int) -> _Written | None:
        if user > self._users_known:
            return None
        return row + user - 1, 0, pack("SADD", key, str(user))

    def _write_recent(self, ledger: Ledger, key: str, row: int, kind: int, user: int, page: int) -> _Written:
        place, code, element = self._recent.enter(ledger, row, f"{EVENT_TYPES[kind].name}:{user}:{PAGES[page]}")
        return place, code, pack("LPUSH", key, element)

    def on_replies(self, batch: _LiveBatch, replies: list[Reply], now_seconds: float) -> None:
        """Account for what was acknowledged, and for what was not."""
        ledger, truth = batch.ledger, self._router.truth_server
        acknowledged: list[int] = []
        codes: list[int] = []
        for position, reply in enumerate(replies, batch.answered):
            place = batch.places[position]
            if place <= _NEWEST_OF:
                if isinstance(reply, list):
                    self._recent.note_newest(_NEWEST_OF - place, reply)
                continue
            if place == _UNACCOUNTED or ledger.baseline[place] != batch.codes[position]:
                continue
            if isinstance(reply, hiredis.ReplyError):
                if is_surely_not_applied(reply):
                    self._note_failed(ledger, place, batch.codes[position])
                else:
                    ledger.unknown[place] += 1
                    self.counts["unknown"] += 1
                self._mirror.alone([batch.tenants[position]])
                continue
            ledger.acknowledged[place] += 1
            self.counts["ok"] += 1
            if truth is not batch.server and self._router.truth_of(batch.tenants[position]) is not batch.server:
                ledger.stranded[place] += 1
            else:
                acknowledged.append(place)
                codes.append(batch.codes[position])
            if batch.codes[position] and isinstance(reply, int):
                self._recent.note_length(ledger, place, reply)
        if acknowledged:
            self._attribution.acknowledged(
                batch.server.role, batch.connection, batch.written_seconds, now_seconds, ledger, acknowledged, codes
            )

    def on_lost(self, batch: _LiveBatch) -> None:
        """Account for what a server may have applied or not."""
        self._mirror.alone(batch.tenants[batch.answered :])
        lost = zip(batch.places[batch.answered :], batch.codes[batch.answered :], strict=True)
        for place, code in lost:
            if place >= 0 and batch.ledger.baseline[place] == code:
                batch.ledger.unknown[place] += 1
                self.counts["unknown"] += 1
