"""Which server acknowledged a write: known by connection, since behind one address there may be several.

Each connection asks now and then who answers it. What was acknowledged between two such looks came from the one seen
in the first, or in the second. The coordinator says which server new connections to an address reach; what another
one acknowledged since then is stranded.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.engine.ledger import Ledger

MOST_ENTRIES: Final = 50_000
"""Of what is not settled yet; what goes beyond may be stranded, as far as is known."""
_PATIENCE_SECONDS: Final = 3.0
"""A connection that is not looked at again for this long says no more than it did before."""


class Era(NamedTuple):
    """A time in which new connections to an address reached one server.

    Attributes:
        run_id: of the server.
        possible_seconds: it may have begun then, on the monotonic clock: the one before was last reached then.
        sure_seconds: it had begun then.
    """

    run_id: str
    possible_seconds: float
    sure_seconds: float


class _Entry(NamedTuple):
    """What was acknowledged together."""

    written_seconds: float
    at_seconds: float
    connection: Connection
    looks: int
    nodes: int
    ledger: Ledger
    places: list[int]
    codes: list[int] | None

    def own_places(self) -> list[int]:
        """Those in which it still is; in the place of a recent event another one may stand by now."""
        if self.codes is None:
            return self.places
        baseline = self.ledger.baseline
        return [place for place, code in zip(self.places, self.codes, strict=True) if baseline[place] == code]


@dataclass(slots=True)
class Eras:
    """Which servers new connections to an address reached.

    Attributes:
        eras: oldest first.
        confirmed_seconds: until then the last one is known to last.
    """

    eras: list[Era]
    confirmed_seconds: float = -float("inf")

    @property
    def has_moved(self) -> bool:
        """Whether more than one server was reached."""
        return len(self.eras) > 1

    def reached(
        self, run_id: str, began_seconds: float, answered_seconds: float, started_seconds: float = -float("inf")
    ) -> bool:
        """Note what a new connection reached; returns whether it is another server than before.

        Args:
            run_id: of the server.
            began_seconds: when the connection was begun, on the monotonic clock.
            answered_seconds: when it was answered.
            started_seconds: the server was started later than that, so that nothing could be for it before.
        """
        if not self.eras:
            self.eras.append(Era(run_id, -float("inf"), -float("inf")))
        changed = self.eras[-1].run_id != run_id
        if changed:
            self.eras.append(Era(run_id, max(self.confirmed_seconds, started_seconds), answered_seconds))
        self.confirmed_seconds = answered_seconds if changed else began_seconds
        return changed

    def stranded(self, run_ids: Iterable[str], written_seconds: float, at_seconds: float) -> bool | None:
        """Whether what one of some servers acknowledged between two times is stranded; None where it may be.

        Args:
            run_ids: of the servers.
            written_seconds: when it was written.
            at_seconds: when the answer was taken, which may be long after it was given.
        """
        current = max(place for place, era in enumerate(self.eras) if era.possible_seconds < at_seconds)
        newest, left = self.eras[current], {era.run_id for era in self.eras[:current]}
        found: set[bool | None] = set()
        for run_id in run_ids:
            if not run_id or run_id == newest.run_id:
                found.add(False)
            else:
                # One that was never reached before may be the next one, of which others learned sooner.
                found.add(True if newest.sure_seconds <= written_seconds and run_id in left else None)
        return found.pop() if len(found) == 1 else None


class Attribution:
    """Settles what was acknowledged by whom, for one worker.

    From the moment when an address is known to have reached a second server, what is not settled yet is entered as
    doubtful, so that a ledger that is read meanwhile does not call it lost.
    """

    def __init__(self) -> None:
        self._entries: dict[Role, deque[_Entry]] = {"source": deque(), "target": deque()}
        self._eras: dict[Role, Eras] = {"source": Eras([]), "target": Eras([])}

    def forget(self, role: Role) -> None:
        """Another server was given that role on purpose."""
        if self._eras[role].has_moved:
            for entry in self._entries[role]:
                _take_back(entry)
        self._entries[role].clear()
        self._eras[role] = Eras([])

    def acknowledged(
        self,
        role: Role,
        connection: Connection,
        written_seconds: float,
        at_seconds: float,
        ledger: Ledger,
        places: list[int],
        codes: list[int] | None = None,
    ) -> None:
        """Note what was written together on a connection, and acknowledged.

        Args:
            role: of the server.
            connection: on which it was written.
            written_seconds: when, on the monotonic clock.
            at_seconds: when the answer was taken.
            ledger: that accounts for it.
            places: in the ledger's lanes.
            codes: the baselines that tell whether a place still is its own; None where none is given to another.
        """
        looks, nodes = connection.looks, len(connection.nodes)
        entry = _Entry(written_seconds, at_seconds, connection, looks, nodes, ledger, places, codes)
        self._entries[role].append(entry)
        if self._eras[role].has_moved:
            _enter(entry, None)

    def reached(
        self,
        role: Role,
        run_id: str,
        began_seconds: float,
        answered_seconds: float,
        started_seconds: float = -float("inf"),
    ) -> None:
        """A new connection that was begun at one time reached a server, which answered at another: `Eras.reached`."""
        eras = self._eras[role]
        had_moved = eras.has_moved
        eras.reached(run_id, began_seconds, answered_seconds, started_seconds)
        if eras.has_moved and not had_moved:
            for entry in self._entries[role]:
                _enter(entry, None)

    def settle(self, now_seconds: float) -> None:
        """Enter what is stranded, and forget what is known not to be."""
        for role, entries in self._entries.items():
            eras = self._eras[role]
            while entries and (eras.eras or len(entries) > MOST_ENTRIES):
                entry = entries[0]
                surplus = len(entries) > MOST_ENTRIES
                if not surplus and not self._is_ripe(entry, eras, now_seconds):
                    break
                entries.popleft()
                self._settle(entry, eras, known=bool(eras.eras) and not surplus)

    def close(self, now_seconds: float) -> None:
        """The load has ended: nothing more will be known."""
        self.settle(now_seconds)
        for role, entries in self._entries.items():
            eras = self._eras[role]
            while entries:
                entry = entries.popleft()
                if eras.eras:
                    self._settle(entry, eras, known=True)

    @staticmethod
    def _settle(entry: _Entry, eras: Eras, *, known: bool) -> None:
        stranded = _is_stranded(entry, eras) if known else None
        # In this order, so that whoever reads meanwhile sees it as one or the other, or as both.
        if stranded or not eras.has_moved:
            _enter(entry, stranded)
        if stranded is not None and eras.has_moved:
            _take_back(entry)

    @staticmethod
    def _is_ripe(entry: _Entry, eras: Eras, now_seconds: float) -> bool:
        looked = entry.connection.looks > entry.looks or not entry.connection.ready
        return entry.at_seconds <= eras.confirmed_seconds and (
            looked or now_seconds - entry.at_seconds > _PATIENCE_SECONDS
        )


def _answered_by(entry: _Entry) -> list[str]:
    """The servers that may have answered: as it was seen before, and after."""
    nodes = entry.connection.nodes
    # Only the very next look says something of this; a later change does not.
    changed = entry.connection.changed_at.get(entry.nodes) == entry.looks + 1
    return [node.run_id for node in nodes[entry.nodes - 1 : entry.nodes + changed]]


def _is_stranded(entry: _Entry, eras: Eras) -> bool | None:
    return eras.stranded(_answered_by(entry), entry.written_seconds, entry.at_seconds)


def _enter(entry: _Entry, stranded: bool | None) -> None:
    if stranded is False:
        return
    lane = entry.ledger.stranded if stranded else entry.ledger.doubtful
    for place in entry.own_places():
        lane[place] += 1


def _take_back(entry: _Entry) -> None:
    """It is not in doubt any more."""
    for place in entry.own_places():
        entry.ledger.doubtful[place] -= 1
