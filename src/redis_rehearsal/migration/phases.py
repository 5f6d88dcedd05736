"""The phases of a rehearsal, in the order in which they come."""

from enum import StrEnum
from typing import Final

CUTOVER_TAIL_SECONDS: Final = 5.0
"""What is due so long after a cutover still counts as its own, whatever the phase."""


class Phase(StrEnum):
    """What goes on; an operation belongs to the phase of its intended start."""

    WARM_UP = "warm-up"
    LOAD = "load"
    BASELINE = "baseline"
    PREPARE = "prepare"
    SYNC = "sync"
    CUTOVER = "cutover"
    RECOVERY = "recovery"
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
