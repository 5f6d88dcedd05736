"""What to do about something, where several say it in the same words."""

from typing import Final

CARRY_THE_CACHE: Final = "carry the cache over (replicate or copy), or give the database room for these queries."
LONG_CUTOVER: Final = "shorten what runs while writes are held: the steps say how long each took."
LOOK_AT_THE_PHASE: Final = "look at the phase in which it happened, and at the servers' own logs for that moment."
MEND: Final = "mend what broke, and rehearse again."
WHILE_COPYING: Final = (
    "let the strategy take less of the servers while it copies (--copy-rate), or copy at a quieter time."
)
