"""The account of recent events: of each list the newest ones that may have been applied, in places used in turn."""

from collections import deque

from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.workload.live import DROPPED, LENGTH, RECENT_ACCOUNTED, RECENT_KEPT, RECENT_WIDTH, recent_code


class RecentEvents:
    """Enters the recent events of a worker's lists into their ledger, and numbers them."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._places: dict[int, deque[int]] = {}

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

    @staticmethod
    def note_length(ledger: Ledger, place: int, length: int) -> None:
        """The truth has a list of this length now that it added the event in a place.

        Elements that are gone before newer ones have pushed them out leave a trace in nothing else.
        """
        row = _row(place)
        least = min(ledger.baseline[row + LENGTH], RECENT_KEPT) + 1
        if length < least:
            ledger.baseline[row + DROPPED] += least - length
        ledger.baseline[row + LENGTH] = length


def _row(place: int) -> int:
    """The first place of a list's; it is at a multiple of how many it has."""
    return place - place % RECENT_WIDTH
