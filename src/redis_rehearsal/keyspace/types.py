"""The types of values, and by which commands a server tells of each. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NONE: Final = b"none"
"""What TYPE says of a key that is not there."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """How values of a type are read.

    Attributes:
        whole: the command that tells all of one, and what follows the key; empty where there is none.
        length: the command that tells how long one is; empty where there is none.
        scan: the command that tells its elements page by page, in any order; empty where there is none.
    """

    whole: tuple[bytes, ...] = ()
    length: bytes = b""
    scan: bytes = b""


JSON: Final = b"ReJSON-RL"
TYPES: Final[Mapping[bytes, ValueType]] = {
    b"string": ValueType((b"GET",), b"STRLEN"),
    b"list": ValueType((b"LRANGE", b"0", b"-1"), b"LLEN"),
    b"set": ValueType((b"SMEMBERS",), b"SCARD", b"SSCAN"),
    b"zset": ValueType((b"ZRANGE", b"0", b"-1", b"WITHSCORES"), b"ZCARD", b"ZSCAN"),
    b"hash": ValueType((b"HGETALL",), b"HLEN", b"HSCAN"),
    # Of a stream no command tells all.
    b"stream": ValueType(length=b"XLEN"),
    JSON: ValueType((b"JSON.GET",)),
}
"""By what TYPE says of it, each type that can be read by its own commands."""


def whole_command(kind: bytes) -> tuple[str, ...]:
    """The command that tells all of a value, and what follows the key, as words."""
    return tuple(word.decode() for word in TYPES[kind].whole)


CORE_TYPES: Final = frozenset(kind.decode() for kind in TYPES if kind != JSON)
"""The types that every server has; all others are of modules."""

KNOWN_PARTS: Final = frozenset({"lua", "vectorset"})
"""What servers list among their modules and yet have built in; others are known by their having no file."""
KEYED_MODULES: Final = {
    "vectorset": ("vectorset",),
    "ReJSON": (JSON.decode(),),
    "bf": ("MBbloom--", "MBbloomCF", "CMSk-TYPE", "TopK-TYPE", "TDIS-TYPE"),
}
"""Modules that leave nothing in an RDB but keys of their types; of any other a server that lacks it may end itself."""
TYPES_OF_MODULES: Final = {
    **KEYED_MODULES,
    "timeseries": ("TSDB-TYPE",),
    "graph": ("graphdata",),
    "json": (JSON.decode(),),
}
"""What TYPE says of the keys of well-known modules; the last is Valkey's own."""
