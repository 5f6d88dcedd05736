"""What queries were really answered: what the servers said, and what of it reached the workers."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from redis_rehearsal.engine.messages import SetRoute
from tests.simulation.redis.accounts import Deletion, Read
from tests.simulation.silence import Awaited
from tests.simulation.truth import possible, routes_of
from tests.simulation.world import COUNTER, World

_NAME: Final = "redis-rehearsal:"
_UNSURE_SECONDS: Final = 0.01
"""What a worker heard so shortly before it sent something, it may not have known then."""
_EDGE_SECONDS: Final = 0.05
"""What is so near to the end of a second may count for either."""
_COMPUTED_AT: Final = slice(0, 13)
_EXPIRES_AT: Final = slice(14, 27)


class Answer(NamedTuple):
    """A reply to a query that reached a worker.

    Attributes:
        at_seconds: when, on the monotonic clock.
        read: what was asked, and what the server said.
    """

    at_seconds: float
    read: Read

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing in it, so that nobody else was asked."""
        return None not in self.read.values


class Answers:
    """All answers to queries.

    Args:
        world: in which they were given.

    Attributes:
        due: when queries were due until the load ended, by worker.
        given: the answers, in the order of time, by worker.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        ended = world.run.view.ended_seconds
        drawn = {worker: world.queries_due.get(str(process), []) for worker, process in world.workers.items()}
        self.due = {worker: _until(times, ended) for worker, times in drawn.items()}
        until = sum(len(_until(times, ended + _UNSURE_SECONDS)) for times in drawn.values())
        self._due_at_the_end = until - sum(map(len, self.due.values()))
        given: dict[int, list[Answer]] = {worker: [] for worker in world.workers}
        for server in world.servers.values():
            for read in server.accounts.reads:
                worker = _worker(read)
                if worker is not None and read.acknowledged_seconds is not None:
                    given[worker].append(Answer(read.acknowledged_seconds, read))
        self.given = {worker: sorted(answers, key=lambda each: each.at_seconds) for worker, answers in given.items()}

    def reports(self) -> list[Answer]:
        """Those of reports, be they there or not."""
        return [each for answers in self.given.values() for each in answers if not _is_of_counters(each.read)]

    def counters(self) -> list[Answer]:
        """Those of counters."""
        return [each for answers in self.given.values() for each in answers if _is_of_counters(each.read)]

    def count_due(self) -> tuple[int, int]:
        """How many queries were due, at least and at most: a worker hears a little later that the load has ended."""
        least = sum(map(len, self.due.values()))
        return least, least + self._due_at_the_end

    def count_ok(self) -> tuple[int, int]:
        """How many were answered; a report that is not there is computed, if the database is there."""
        every = [each for answers in self.given.values() for each in answers]
        return sum(each.is_whole or self._is_complete(each) for each in every), len(every)

    def _is_complete(self, answer: Answer) -> bool:
        """Whether it is the whole answer though something is missing, or comes to one in no time."""
        if self._world.scenario.strategy == "fallback":
            return False
        happened = {fault.kind for fault, *_ in self._world.happened}
        return _is_of_counters(answer.read) or "database-away" not in happened

    def awaited(self) -> Iterator[Awaited]:
        """The queries of each worker."""
        for worker, due in self.due.items():
            given = self.given[worker]
            sure = [each.at_seconds for each in given if each.is_whole or self._is_complete(each)]
            yield Awaited(due, [each.at_seconds for each in given], sure)

    def late(self, from_seconds: float, until_seconds: float, seconds: float) -> tuple[int, int]:
        """As `late`, of all workers."""
        found = []
        for worker, due in self.due.items():
            given = self.given[worker]
            # What one server did not have was asked of the other one, too.
            twice = 0 if self._world.scenario.strategy != "fallback" else sum(not each.is_whole for each in given)
            found.append(
                late(due, [each.at_seconds for each in given], from_seconds, until_seconds, seconds, unsure=twice)
            )
        return sum(least for least, _ in found), sum(whole for _, whole in found)

    def silent_seconds(self, from_seconds: float, until_seconds: float) -> list[bool]:
        """In which whole seconds of the load no query was answered though some were due.

        Args:
            from_seconds: lies in the first of them, on the monotonic clock.
            until_seconds: the last of them is over by then.
        """
        began = self._world.run.view.began_seconds
        due = sorted(at for times in self.due.values() for at in times)
        times = sorted(each.at_seconds for answers in self.given.values() for each in answers)
        found = []
        for second in range(int(from_seconds - began), int(until_seconds - began)):
            start, end = began + second, began + second + 1
            answered = bisect_left(times, end + _EDGE_SECONDS) > bisect_left(times, start - _EDGE_SECONDS)
            wanted = bisect_left(due, end - _EDGE_SECONDS) > bisect_left(due, start + _EDGE_SECONDS)
            found.append(wanted and not answered)
        return found

    def wrong_reports(self) -> tuple[int, int]:
        """How many reports were too old, or had been deleted, at least and at most."""
        offset, deletions = self._world.run.view.clock.offset_seconds, self._deletions()
        where_writes_went = self._deletions_where_writes_went()
        moved = [told.at_seconds for told in self._world.told if isinstance(told.command, SetRoute)]
        timeout = self._world.run.view.settings.operation_timeout
        least = most = 0
        for at, read in self.reports():
            value = read.values[0]
            if value is None or not value[_COMPUTED_AT].isdigit() or not value[_EXPIRES_AT].isdigit():
                continue
            computed = int(value[_COMPUTED_AT]) / 1000 - offset
            late = at - (int(value[_EXPIRES_AT]) / 1000 - offset)
            before = [
                each
                for each in deletions.get((_worker(read), read.keys[0]), [])
                if each.acknowledged_seconds is not None and each.acknowledged_seconds < at
            ]
            may = any(computed < each.at_seconds for each in before)
            sure = any(
                computed < each.sent_seconds - _UNSURE_SECONDS
                # Until all servers have done it that are to do it, one of them may still have it.
                and all(
                    other.acknowledged_seconds is not None
                    and other.acknowledged_seconds < read.sent_seconds - _UNSURE_SECONDS
                    for other in deletions[_worker(read), read.keys[0]]
                    if abs(other.sent_seconds - each.sent_seconds) < _UNSURE_SECONDS
                )
                and all(abs(each.at_seconds - time) > 10 * _UNSURE_SECONDS for time in moved)
                and id(each) in where_writes_went
                for each in before
            )
            least += sure or late > timeout + _UNSURE_SECONDS
            most += may or late > timeout - _UNSURE_SECONDS
        return least, most

    def _deletions(self) -> dict[tuple[int | None, bytes], list[Deletion]]:
        found: dict[tuple[int | None, bytes], list[Deletion]] = defaultdict(list)
        for server in self._world.servers.values():
            for deletion in server.accounts.deletions:
                for key in deletion.keys:
                    found[_worker(deletion), key].append(deletion)
        return found

    def _deletions_where_writes_went(self) -> set[int]:
        """Those that a mirror was not asked for: what only a mirror has deleted is still there."""
        routes = routes_of(self._world)
        return {
            id(deletion)
            for name, server in self._world.servers.items()
            for deletion in server.accounts.deletions
            if all(
                route.writes == ("source" if name == "moved" else name)
                for route in possible(routes, deletion.at_seconds)
            )
        }

    def regressions(self) -> tuple[int, int]:
        """How many counters were read lower than what had been acknowledged before, at least and at most."""
        world = self._world
        acknowledged: dict[bytes, list[float]] = defaultdict(list)
        mirrored = any(isinstance(told.command, SetRoute) and told.command.route.mirror for told in world.told)
        for server in world.servers.values():
            for increment in server.accounts.increments:
                if increment.client.startswith(_NAME) and increment.acknowledged_seconds is not None:
                    acknowledged[increment.key].append(increment.acknowledged_seconds)
        for times in acknowledged.values():
            times.sort()
        least = most = 0
        for at, read in self.counters():
            for key, value in zip(read.keys, read.values, strict=True):
                there = int(value) if value is not None and value.isdigit() else 0
                times = acknowledged[key]
                # With a fallback the other server may have it.
                sure = not mirrored and world.scenario.strategy != "fallback"
                least += sure and bisect_right(times, read.sent_seconds - _UNSURE_SECONDS) > there
                most += bisect_right(times, at) > there
        return least, most


def late(
    due: list[float], times: list[float], from_seconds: float, until_seconds: float, seconds: float, unsure: int = 0
) -> tuple[int, int]:
    """How many of those that were due between two times were answered later than so many seconds, at least.

    Args:
        due: when all were due, in order.
        times: when answers came, in order.
        from_seconds: the first time.
        until_seconds: the second one.
        seconds: how long is not late.
        unsure: how many of the answers may be none.

    Returns:
        They, and how many were due.
    """
    never = max(0, len(due) - len(times) + unsure)
    first, stop = bisect_left(due, from_seconds), bisect_left(due, until_seconds)
    before = bisect_left(times, from_seconds)
    # Whichever they are: what was answered by then are no more than these.
    waiting = (place + 1 - first - (bisect_right(times, due[place] + seconds) - before) for place in range(first, stop))
    return max(0, max(waiting, default=0) - never), stop - first


def _until(times: list[float], ended: float) -> list[float]:
    return times[: bisect_right(times, ended)]


def _worker(noted: Read | Deletion) -> int | None:
    """Who asked for it; None where that was no worker."""
    name = noted.client.removeprefix(_NAME).split(":")[0]
    return int(name) if noted.client.startswith(_NAME) and name.isdigit() else None


def _is_of_counters(read: Read) -> bool:
    return COUNTER in read.keys[0]
