"""Patterns as SCAN, CONFIG GET and PSUBSCRIBE take them."""

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def compiled(pattern: bytes) -> "re.Pattern[bytes]":
    """A pattern as an expression that has to match the whole."""
    made, at = [], 0
    while at < len(pattern):
        letter = pattern[at : at + 1]
        at += 1
        if letter == b"*":
            made.append(b".*")
        elif letter == b"?":
            made.append(b".")
        elif letter == b"[":
            part, at = _class(pattern, at)
            made.append(part)
        else:
            if letter == b"\\" and at < len(pattern):
                letter = pattern[at : at + 1]
                at += 1
            made.append(re.escape(letter))
    return re.compile(b"".join(made), re.DOTALL)


def _class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The letters between brackets, and where what follows them begins."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    letters = []
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            at += 1
            letters.append(re.escape(pattern[at : at + 1]))
            at += 1
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            letters.append(b"%b-%b" % (re.escape(bytes([low])), re.escape(bytes([high]))))
            at += 3
        else:
            letters.append(re.escape(pattern[at : at + 1]))
            at += 1
    if not letters:
        return (b"." if negated else b"(?!)"), at + 1
    return b"[%b%b]" % (b"^" if negated else b"", b"".join(letters)), at + 1


def matches(pattern: bytes, text: bytes) -> bool:
    """Whether a text is one that a pattern means."""
    return compiled(pattern).fullmatch(text) is not None
