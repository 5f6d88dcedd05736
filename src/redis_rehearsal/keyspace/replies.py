"""What servers reply, in shapes and words that can be used. Pure."""

from typing import Any, Final

from hiredis import ReplyError

GONE: Final = -2
"""What PTTL and its like say of what is not there."""
_LONGEST_REASON: Final = 160


def in_words(reply: object) -> str:
    """A reply for people; an error as the server worded it."""
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)


def printable(words: str, longest: int = 80) -> str:
    """Words of a server without control characters, and not longer than a line."""
    shown = "".join(each if each.isprintable() else "?" for each in words)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def text(reply: object) -> str:
    """A reply as text that is safe to print."""
    return printable(in_words(reply))


def is_denial(error: str) -> bool:
    """Whether an error says that our user may not do that, or that the server does not know it."""
    return error.startswith("NOPERM") or is_unknown(error)


def is_unknown(error: str) -> bool:
    """Whether an error says that the server does not know a command."""
    return error.lower().startswith(("err unknown", "unknown command"))


def refusal_in_words(command: str, reply: object) -> str:
    """Why a command was not answered as it should be, for the middle of a sentence."""
    if not isinstance(reply, ReplyError):
        return f"{command} was answered with something else"
    error = str(reply)
    if error.startswith("NOPERM"):
        return f"{command} is not permitted"
    if is_unknown(error):
        return f"the server does not know {command}"
    return f"{command} was refused ({printable(' '.join(error.split()), _LONGEST_REASON).rstrip('.')})"


def named(flat: list[Any]) -> dict[bytes, Any]:
    """A flat list of names and values."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def unix_milliseconds(time: list[Any]) -> int:
    """A reply to TIME."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def unix_seconds(time: list[Any]) -> float:
    """The same as seconds."""
    return int(time[0]) + int(time[1]) / 1e6
