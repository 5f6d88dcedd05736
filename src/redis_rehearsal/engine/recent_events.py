"""The account of recent events: of each list the newest ones that may have been applied, in places used in turn."""

from collections import deque

import numpy as np

from redis_rehearsal.cache.server import Server
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.workload.live import (
    DROPPED,
    LENGTH,
    RECENT_ACCOUNTED,
    RECENT_KEPT,
    RECENT_WIDTH,
    number_of,
    recent_code,
)


class RecentEvents:
    """Enters the recent events of a worker's lists into their ledger, and numbers them."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._places: dict[int, deque[int]] = {}
        self._servers: dict[int, Server] = {}
        self._asked: dict[int, list[int]] = {}
        self._gaps: dict[int, int] = {}

    def enter(self, ledger: Ledger, row: int, content: str) -> tuple[int, int, bytes]:
        """Begin the account of the next event of a list, in the place of the oldest one.

        Args:
            ledger: of the lists.
            row: the first place of the list's.
            content: of the event.

        Returns:
            Its place, its code, and the list's element.
        """
        number = self._numbers[row] = self._numbers.get(row, 0) + 1
        places = self._places.get(row)
        if places is None:
            places = self._places[row] = deque(range(row, row + RECENT_ACCOUNTED))
        place = places.popleft()
        places.append(place)
        element = f"{number}:{content}".encode()
        code = recent_code(number, element)
        for lane in (ledger.sent, ledger.acknowledged, ledger.failed, ledger.unknown, ledger.stranded, ledger.doubtful):
            lane[place] = 0
        ledger.baseline[place] = code
        return place, code, element

    def forget(self, place: int) -> None:
        """The event in a place was surely not applied: the next one takes it, so that no applied one has to go."""
        places = self._places[_row(place)]
        places.remove(place)
        places.appendleft(place)

    def has_moved(self, ledger: Ledger, row: int, server: Server) -> bool:
        """Whether a list's events go to another server from now on, which is to be asked for its newest element.

        Newer ones push out what is missing there, which then leaves a trace in nothing else.
        """
        before = self._servers.get(row)
        self._servers[row] = server
        if before is None or before is server:
            return False
        codes = np.frombuffer(ledger.baseline[row : row + RECENT_ACCOUNTED], dtype=np.int64)
        acknowledged = np.frombuffer(ledger.acknowledged[row : row + RECENT_ACCOUNTED], dtype=np.int64) > 0
        self._asked[row] = sorted(map(number_of, codes[acknowledged].tolist()))[-RECENT_KEPT:]
        return True

    def note_newest(self, row: int, elements: list[bytes]) -> None:
        """The server that a list's events go to now has this as its newest element, or none."""
        number = elements[0].partition(b":")[0] if elements else b"0"
        newest = int(number) if number.isdigit() else 0
        self._gaps[row] = sum(each > newest for each in self._asked.pop(row, []))

    def note_length(self, ledger: Ledger, place: int, length: int) -> None:
        """The truth has a list of this length now that it added the event in a place.

        Elements that are gone before newer ones have pushed them out leave a trace in nothing else.
        """
        row = _row(place)
        least = min(ledger.baseline[row + LENGTH], RECENT_KEPT) + 1
        # One that lacks the newest may be as long as it was, since it has older ones yet.
        ledger.baseline[row + DROPPED] += max(0, least - length, self._gaps.pop(row, 0))
        ledger.baseline[row + LENGTH] = length


def _row(place: int) -> int:
    """The first place of a list's; it is at a multiple of how many it has."""
    return place - place % RECENT_WIDTH
