"""What all ways to store a report have in common.

A report is stored with an envelope in front and a checksum behind:

    1795412345678 1795412645678 17:overview  …entries…  ••••
    computed at   expires at    identity                CRC-32

Times are Unix milliseconds. The checksum is four bytes, lowest first, of all elements joined in the order of the
encoding, so that the CRC-32 of a whole report is always the same number: a hit is checked in one pass over its bytes.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final
from zlib import crc32

from redis_rehearsal.cache.commands import pack

COMPUTED_AT: Final = slice(0, 13)
EXPIRES_AT: Final = slice(14, 27)
IDENTITY_START: Final = 28
RESIDUE: Final = 0x2144_DF1C
"""CRC-32 of anything that is followed by its own CRC-32, lowest byte first."""

ENVELOPE_NAME: Final = b"!"
CHECKSUM_NAME: Final = b"~"
"""Names and beginnings of these two elements: all names of entries sort between them."""

Entries = dict[str, int]
"""The entries of a report by name; names are of letters, digits and / _ - and sort between ! and ~."""
Value = Any
"""What a read of a stored report answers: bytes, or a list of bytes."""


def expected_identity(identity: str) -> bytes:
    """What stands between times and entries in the right report for a question."""
    return identity.encode() + b" "


def milliseconds(unix_seconds: float) -> bytes:
    """A time as it stands in an envelope, so that times can be compared as bytes."""
    return b"%013d" % int(unix_seconds * 1000)


def make_envelope(identity: bytes, computed_ms: int, ttl_ms: int) -> bytes:
    """What stands in front of a report's entries."""
    return b"%013d %013d %b" % (computed_ms, computed_ms + ttl_ms, identity)


def looks_like_envelope(element: bytes) -> bool:
    """Whether it is an envelope by its form, of whichever report."""
    return (
        element[COMPUTED_AT].isdigit()
        and element[EXPIRES_AT].isdigit()
        and element[13:14] == element[27:IDENTITY_START] == b" "
    )


def checksum(content: bytes) -> bytes:
    """The four bytes that end a report."""
    return crc32(content).to_bytes(4, "little")


class Encoding(ABC):
    """One way to store a report; the values are as a read of it answers them.

    Attributes:
        name: of the Redis data type.
        needs: the command that only some servers have; empty where all do.
    """

    name: ClassVar[str]
    needs: ClassVar[str] = ""

    @abstractmethod
    def read_arguments(self, key: str) -> tuple[str, ...]:
        """The command that reads a report, in words."""

    def read_command(self, key: str) -> bytes:
        """The same, packed."""
        return pack(*self.read_arguments(key))

    @abstractmethod
    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> Value:
        """The value that stands for a report.

        Args:
            identity: what the report answers, see `expected_identity`.
            entries: of the report.
            computed_ms: when the database was asked, Unix milliseconds.
            ttl_ms: how long it may be served.
        """

    @abstractmethod
    def put_command(self, key: str, value: Value) -> bytes:
        """The command, packed, that makes a missing key hold a value."""

    @abstractmethod
    def envelope(self, value: Value) -> bytes | None:
        """The envelope of a stored value that need not be whole; None where there is none."""

    @abstractmethod
    def is_whole(self, value: Value) -> bool:
        """Whether nothing of a value that has an envelope is missing, added or changed."""

    @abstractmethod
    def decode(self, value: Value) -> Entries:
        """The entries of a whole value."""

    def is_right(self, value: Value, identity: bytes) -> bool:
        """Whether a stored value is whole and answers the question with that identity."""
        envelope = self.envelope(value)
        return envelope is not None and envelope.startswith(identity, IDENTITY_START) and self.is_whole(value)

    def write_command(self, key: str, value: Value, ttl_ms: int) -> tuple[bytes, int]:
        """Store a value in place of whatever is there, in one step for those who read.

        Returns:
            The commands, packed, and how many replies they have; the last one tells.
        """
        commands = (
            pack("MULTI"),
            pack("UNLINK", key),
            self.put_command(key, value),
            pack("PEXPIRE", key, str(ttl_ms)),
            pack("EXEC"),
        )
        return b"".join(commands), len(commands)

    def add_command(self, key: str, value: Value, ttl_ms: int, spare_key: str) -> tuple[bytes, int]:
        """Store a value where there is none, in one step.

        Args:
            key: of the report.
            value: as it was read elsewhere.
            ttl_ms: how long it may stay.
            spare_key: nobody else uses it.

        Returns:
            The commands, packed, and how many replies they have.
        """
        commands = (
            pack("MULTI"),
            pack("UNLINK", spare_key),
            self.put_command(spare_key, value),
            pack("PEXPIRE", spare_key, str(ttl_ms)),
            pack("RENAMENX", spare_key, key),
            pack("UNLINK", spare_key),
            pack("EXEC"),
        )
        return b"".join(commands), len(commands)


def joined(elements: list[bytes]) -> bytes:
    """Elements as the checksum is taken of them."""
    return b"\n".join(elements)


def closed(elements: list[bytes]) -> list[bytes]:
    """Elements with their checksum behind them."""
    return [*elements, checksum(joined(elements) + b"\n")]
