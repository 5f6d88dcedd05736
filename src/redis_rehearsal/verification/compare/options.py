"""What can be asked of a comparison: one model for the command line and for those who call it."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from redis_rehearsal.quantities import MOST, PLAIN, SECONDS, Count, Seconds

_SPECIAL: Final = "\\*?[]^"


class CompareOptions(BaseModel):
    """How two databases are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rounds: Annotated[int, Field(ge=1, le=100), PLAIN] = 3
    "Rounds at most; each reads again only what differed in the one before."

    round_interval: Seconds = 1.0
    "Time between two rounds, in which what is written meanwhile may arrive."

    max_ttl_drift: Seconds = 2.0
    "By so much times to live may be apart; more is a difference."

    max_not_carried: Count = 0
    "Most things that the source has and the target cannot hold: times to live of fields, counts of streams."

    sample: Annotated[int, Field(ge=1, le=MOST), PLAIN] | None = None
    "Compare about so many keys, chosen at random, instead of all."

    match: Annotated[str, Field(min_length=1)] | None = None
    "Compare only keys that match this pattern, as SCAN understands it."

    prefix: Annotated[str, Field(min_length=1)] | None = None
    "Compare only keys that begin with this, taken literally."

    timeout: Annotated[float, Field(gt=0, le=86_400), SECONDS] = 30.0
    "Longest wait for an answer of a server."

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.match is not None and self.prefix is not None:
            raise ValueError("--match and --prefix cannot be given together; put the prefix into the pattern")
        return self

    @property
    def pattern(self) -> bytes | None:
        """What SCAN is given; None for every key."""
        if self.prefix is not None:
            escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in self.prefix)
            return f"{escaped}*".encode(errors="surrogateescape")
        return None if self.match is None else self.match.encode(errors="surrogateescape")
