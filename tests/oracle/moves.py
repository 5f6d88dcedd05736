"""How an application goes from one server to another: which one takes a write, refuses it, or takes it too late."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st

from redis_rehearsal.engine.attribution import Eras
from redis_rehearsal.engine.outcome import Outcome

TIMEOUT_SECONDS: Final = 0.3
"""Of an operation that goes on being refused."""
_PAUSES_SECONDS: Final = (0.005, 0.01, 0.02, 0.04, 0.05)
_LOOKS_SECONDS: Final = 1.0

Server = Literal["old", "new"]


@dataclass(frozen=True)
class Move:
    """What there is to a cutover; times in seconds since it began.

    Attributes:
        by_itself: whether an endpoint moves, and the workers' connections follow; else the tool moves the workers.
        left: the old server is not the truth any more from then on.
        promoted: later than that: the new one takes writes from then on, and the old one stops carrying them.
        held: for how long the tool holds writes from the beginning on; 0 where it does not.
        follows: when each worker goes to the new server; where writes are held, all go when that ends.
        old_one: what the old server does with writes after the new one was promoted.
        behind: of what the old one acknowledged for so long before the new one was promoted, the new one gets nothing.
        carried: whether somebody carries over what the old one acknowledged later.
        looks: how often a new connection is made, to see which server that reaches.
        through_proxy: whether a worker's connection stays open while what is behind it changes.
    """

    by_itself: bool = False
    left: float = 0.03
    promoted: float = 0.0
    held: float = 0.0
    follows: tuple[float, float] = (0.05, 0.05)
    old_one: Literal["acknowledges", "refuses", "drops"] = "refuses"
    behind: float = 0.0
    carried: bool = False
    looks: float = 0.1
    through_proxy: bool = False


@dataclass(frozen=True)
class Moved:
    """A move that was made; times as the operations have them.

    Attributes:
        move: that was made.
        began: when the cutover did.
        left: when the old server stopped being the truth, as the workers learned it.
        promoted: when the new one began to take writes.
        follows: when each worker's next write goes to the new one.
    """

    move: Move
    began: float
    left: float
    promoted: float
    follows: tuple[float, float]

    def is_carried(self, server: Server, at: float) -> bool:
        """Whether what a server applied at a time is on the new one in the end."""
        if server == "new" or at < self.promoted - self.move.behind:
            return True
        return at >= self.promoted and self.move.carried

    def lane(self, eras: Eras | None, worker: int, one: "Written") -> bool | None:
        """Whether a write that was acknowledged is stranded, as far as a worker knows; None where it may be."""
        at = one.answered
        if eras is None:
            return one.server == "old" and at >= self.left
        answered = {one.server}
        if self.move.through_proxy:
            # The connection was looked at before and after; what is asked on it is answered in that order.
            looked = one.written - one.written % _LOOKS_SECONDS
            answered = {self._behind(worker, look) for look in (looked, looked + _LOOKS_SECONDS)}
        return eras.stranded(answered, one.written, at)

    def _behind(self, worker: int, at: float) -> Server:
        return "new" if at >= self.follows[worker] else "old"


def moved(move: Move, began: float, awake: Callable[[float], float]) -> Moved:
    """Make a move.

    Args:
        move: to make.
        began: when the cutover does.
        awake: when the generator does what is to be done at a time.
    """
    left = began + move.left
    if move.by_itself:
        first, second = (max(left, began + at) for at in move.follows)
        return Moved(move, began, left, left + move.promoted, (first, second))
    # Nobody is promoted before all workers have confirmed whom they take for the truth.
    left = awake(left)
    promoted = left + move.promoted
    if move.held:
        thawed = awake(max(began + move.held, promoted))
        return Moved(move, began, left, promoted, (thawed, thawed))
    # One step comes after the other: where the first is late, so are those after it.
    late = left - began - move.left
    first, second = (awake(max(left, began + at + late)) for at in move.follows)
    return Moved(move, began, left, promoted, (first, second))


def eras_of(found: Moved, ended: float, service: float) -> Eras | None:
    """What new connections reached, as far as it was looked at; None where the tool knows."""
    if not found.move.by_itself:
        return None
    eras, at = Eras([]), 0.01
    while at < ended + found.move.looks:
        # It answers in the middle of its service time.
        server = "new" if at + service / 2 >= found.left else "old"
        eras.reached(server, at, at + service)
        at += found.move.looks
    return eras


@dataclass(frozen=True)
class Written:
    """What became of a write.

    Attributes:
        written: when it was sent last.
        taken: when a server took it.
        answered: when what became of it was known.
        outcome: what did.
        server: that acknowledged it, or may have applied it.
    """

    written: float
    taken: float
    answered: float
    outcome: Outcome
    server: Server


def write(
    found: Moved,
    worker: int,
    sent: float,
    answer: Callable[[float], tuple[float, Outcome]],
    awake: Callable[[float], float],
    service: float,
) -> Written:
    """Send a write to where it belongs, again and again while it is refused.

    Args:
        found: the move that goes on.
        worker: that sends it.
        sent: when.
        answer: when what is sent at a time is answered, and how, where the server takes writes.
        awake: when the generator does what is to be done at a time.
        service: an answer is on its way for half of it.
    """
    at, tries = sent, 0
    while True:
        server: Server = "new" if at >= found.follows[worker] else "old"
        answered, outcome = answer(at)
        there = answered - service / 2
        refused = server == "new" and there < found.promoted
        if server == "old" and there >= found.promoted:
            if found.move.old_one == "drops" and outcome is Outcome.OK:
                outcome = Outcome.UNKNOWN
            refused = found.move.old_one == "refuses"
        if not refused or outcome is not Outcome.OK:
            return Written(at, there, awake(answered), outcome, server)
        again = awake(answered + _PAUSES_SECONDS[min(tries, len(_PAUSES_SECONDS) - 1)])
        if again > sent + TIMEOUT_SECONDS:
            return Written(at, there, awake(sent + TIMEOUT_SECONDS), Outcome.FAILED, server)
        at, tries = again, tries + 1


def until(found: Moved) -> float:
    """What is sent later is not touched by the move."""
    return max(found.promoted, *found.follows)


_moments: Sequence[float] = (0.0, 0.02, 0.04, 0.0425, 0.08, 0.2, 0.6)
moves = st.builds(
    Move,
    by_itself=st.booleans(),
    left=st.sampled_from([0.01, 0.0225, 0.05]),
    promoted=st.sampled_from([0.0, 0.0, 0.01, 0.04, 0.45]),
    held=st.sampled_from([0.0, 0.06, 0.06, 0.15]),
    follows=st.tuples(st.sampled_from(_moments), st.sampled_from(_moments)),
    old_one=st.sampled_from(["acknowledges", "refuses", "refuses", "drops"]),
    behind=st.sampled_from([0.0, 0.0, 0.0, 0.004, 0.03, 0.2]),
    carried=st.sampled_from([False, False, True]),
    looks=st.sampled_from([0.1, 0.37, 1.0]),
    through_proxy=st.booleans(),
)
