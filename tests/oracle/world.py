"""What happens in a world: outages, slownesses, stalls and what is taken away."""

from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st

from tests.oracle.moves import Move

Kind = Literal["queries", "events"]
KINDS: Final[tuple[Kind, Kind]] = ("queries", "events")
DUE_EVERY_SECONDS: Final = 0.005
SERVICE_SECONDS: Final = 0.0005
BASELINE: Final = (0.0, 3.1)
CUTOVER: Final = (3.8, 3.9)
ENDED: Final = 7.0
COUNTERS: Final = 4
STRANDED_PLACE, LOST_PLACE, DOUBLED_PLACE = range(3)


@dataclass(frozen=True)
class Outage:
    """A server does not answer for a while: it holds what it gets, refuses it, or loses the connection."""

    start: float
    seconds: float
    kinds: tuple[Kind, ...]
    workers: tuple[int, ...]
    how: Literal["hold", "refuse", "lose"]


@dataclass(frozen=True)
class Slowness:
    """Every answer comes later, from a time until another."""

    start: float
    seconds: float
    kinds: tuple[Kind, ...]
    by_seconds: float


@dataclass(frozen=True)
class World:
    """What servers and the generator do.

    Attributes:
        workers: how many there are; each has its own operations.
        outages: of servers.
        slownesses: of servers.
        lost: increments that vanish from the truth after they were acknowledged.
        doubled: increments that somebody else applies.
        stranded: increments that another server acknowledges and the truth never gets.
        applied: whether what lost its connection was applied.
        stalls: start and length of times in which the generator stands still.
        move: of writes, from the old server to the new one; None where all of them go to one that is the truth.
        allowed: how many increments may be lost, and how many stranded.
        max_recovery: the limit, in seconds.
    """

    workers: int = 1
    outages: tuple[Outage, ...] = ()
    slownesses: tuple[Slowness, ...] = ()
    lost: int = 0
    doubled: int = 0
    stranded: int = 0
    applied: bool = False
    stalls: tuple[tuple[float, float], ...] = ()
    move: Move | None = None
    allowed: tuple[int, int] = (0, 0)
    max_recovery: float = 60.0


kinds = st.sampled_from([("queries",), ("events",), KINDS])
outages = st.builds(
    Outage,
    start=st.floats(BASELINE[1] + 0.01, ENDED - 0.05),
    seconds=st.floats(0.005, 1.5),
    kinds=kinds,
    workers=st.sampled_from([(0,), (1,), (0, 1)]),
    how=st.sampled_from(["hold", "refuse", "lose"]),
)
slownesses = st.builds(
    Slowness,
    start=st.floats(BASELINE[1] + 0.01, ENDED - 0.05),
    seconds=st.floats(0.05, 5.0),
    kinds=kinds,
    by_seconds=st.floats(0.001, 0.3),
)
stalls = st.tuples(st.floats(0.5, ENDED - 1.0), st.floats(0.006, 0.8))
