"""For how long no event was answered, by what reached the workers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tests.simulation.truth import Account
from tests.simulation.world import World

LEAST_SECONDS: Final = 0.01


def due_of(world: World, worker: int) -> list[float]:
    """When a worker's events were due, as the database has it."""
    keeper = world.run._keeper
    assert keeper is not None
    organizations = set(keeper.ledgers[worker].organizations)
    offset = world.run.view.clock.offset_seconds
    return sorted(at - offset for organization, _, at in world.database.rows if organization in organizations)


def gaps(due: list[float], answers: list[float], ended: float) -> Iterator[tuple[float, float, float]]:
    """Stretches without an answer while one was wanted: when each began at the latest and at the earliest, and its end.

    Where an operation was due before the last answer and had none then, that is when it begins. How many were is known
    as long as all are answered; else some of them may wait, or have come to another end.
    """
    last = 0.0
    for answered, answer in enumerate([*[each for each in answers if each < ended], ended]):
        following = bisect_left(due, last)
        first_due = min(due[following] if following < len(due) else answer, answer)
        waits = bisect_right(due, last) > answered
        yield first_due, last if waits else first_due, answer
        last = answer


class Awaited(NamedTuple):
    """The operations of one worker.

    Attributes:
        due: when they were.
        answers: when each answer came that may be of one.
        sure: when each came that is for sure.
    """

    due: list[float]
    answers: list[float]
    sure: list[float]


def downtime(workers: Iterable[Awaited], since_seconds: float, ended: float) -> tuple[float, float]:
    """The longest stretch that reaches beyond a time.

    Returns:
        The longest of any one worker, at least; and the longest that those of all come to together, at most.
    """
    least, stretches = 0.0, []
    for due, answers, sure in workers:
        least = max([least, *(end - latest for latest, _, end in gaps(due, answers, ended) if end > since_seconds)])
        stretches += [
            (earliest, end)
            for _, earliest, end in gaps(due, sure, ended)
            if end > since_seconds and end - earliest > LEAST_SECONDS
        ]
    most, began, until = 0.0, 0.0, 0.0
    for start, end in sorted(stretches):
        if start > until:
            began = start
        until = max(until, end)
        most = max(most, until - began)
    return least, most


def awaited_events(world: World, known: Account) -> Iterator[Awaited]:
    """The events of each worker."""
    for worker in world.workers:
        of_worker = [each for each in known.acknowledgements if each.worker == worker]
        sure = [each.at_seconds for each in of_worker if each.is_sure]
        yield Awaited(due_of(world, worker), [each.at_seconds for each in of_worker], sure)
