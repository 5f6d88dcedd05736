"""The phases of a rehearsal, in the order in which they come."""

from enum import StrEnum


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
