"""What a server answers, as Python values, and as bytes on the way."""

from typing import Any, Final


class Simple(bytes):
    """A status, such as OK."""

    __slots__ = ()


class Refused(Exception):  # noqa: N818 # it is an answer, and no fault of the program's
    """An error as a reply: its code, and words."""


class Nothing:
    """Stands for no reply at all."""


OK: Final = Simple(b"OK")
QUEUED: Final = Simple(b"QUEUED")
NOTHING: Final = Nothing()
WRONG_TYPE: Final = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_INTEGER: Final = "ERR value is not an integer or out of range"
SYNTAX: Final = "ERR syntax error"
MOST: Final = (1 << 63) - 1

_BYTES: Final[dict[int, bytes]] = {number: b":%d\r\n" % number for number in range(-2, 1000)}


def encode(reply: Any) -> bytes:
    """A reply as it is sent."""
    kind = type(reply)
    if kind is int:
        return _BYTES.get(reply) or b":%d\r\n" % reply
    if kind is bytes:
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if kind is Simple:
        return b"+%b\r\n" % reply
    if reply is None:
        return b"$-1\r\n"
    if kind is list:
        return b"*%d\r\n%b" % (len(reply), b"".join(map(encode, reply)))
    if kind is Refused:
        return b"-%b\r\n" % str(reply).encode()
    raise TypeError(f"{reply!r} is no reply")


def integer(text: bytes, error: str = NO_INTEGER) -> int:
    """A whole number of 64 bits, written as Redis takes it.

    Raises:
        Refused: it is none.
    """
    try:
        number = int(text)
    except ValueError:
        raise Refused(error) from None
    if b"%d" % number != text or not -MOST - 1 <= number <= MOST:
        raise Refused(error)
    return number


def wrong_number(name: str) -> Refused:
    """Why a command with too few or too many arguments is refused."""
    return Refused(f"ERR wrong number of arguments for '{name.lower()}' command")
