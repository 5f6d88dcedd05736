"""Which type stores which report."""

from typing import Final

from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.workload.queries import SLOTS, DataType, Slot

MIXED: Final = "mixed"
JSON: Final = "json"
_PLAIN: Final = "string"


def types_used(data_type: DataType, *, with_json: bool) -> tuple[str, ...]:
    """The types that a choice comes to; `mixed` is all that there are, JSON only where servers have it."""
    if data_type != MIXED:
        return (data_type,)
    return tuple(name for name in ENCODINGS if with_json or name != JSON)


def encodings_of_slots(types: tuple[str, ...]) -> list[Encoding | None]:
    """How the report of each slot is stored; None for what is not stored.

    Args:
        types: one, or several, of which each kind of report gets the one that suits it.
    """
    return [ENCODINGS[_type_of(slot, types)] if slot.kind.cacheable else None for slot in SLOTS]


def _type_of(slot: Slot, types: tuple[str, ...]) -> str:
    if len(types) == 1:
        return types[0]
    suited = slot.kind.suited[slot.filter_number % len(slot.kind.suited)]
    return suited if suited in types else _PLAIN
