"""Digests of values, the same however a server stores a value and in whatever pieces it was read. Pure."""

import json
import struct
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

_BYTES: Final = 16
_MASK: Final = (1 << (8 * _BYTES)) - 1
_length = struct.Struct(">Q").pack
_score = struct.Struct(">d").pack

Raw = bytes | list[Any] | dict[bytes, bytes] | frozenset[bytes]
"""A small value as it was read."""


class Ordered:
    """A digest of parts, in their order; each is told apart from the next."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=_BYTES)

    def add(self, *parts: bytes) -> None:
        """Add the next parts."""
        update = self._hash.update
        for part in parts:
            update(_length(len(part)))
            update(part)

    def hexdigest(self) -> str:
        """The digest of what was added."""
        return self._hash.hexdigest()


class Bytes:
    """A digest of one string that is read in chunks."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=_BYTES)

    def add(self, chunk: bytes) -> None:
        """Add the next chunk."""
        self._hash.update(chunk)

    def hexdigest(self) -> str:
        """The digest of what was added."""
        return self._hash.hexdigest()


class Unordered:
    """A digest of elements that may come in any order.

    Attributes:
        count: how many elements were added.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, first: bytes, second: bytes = b"") -> None:
        """Add an element of one part or two."""
        self.count += 1
        # A sum, since with exclusive or an element that is added twice would vanish.
        digest = blake2b(_length(len(first)) + first + second, digest_size=_BYTES).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) & _MASK

    def hexdigest(self) -> str:
        """The digest of what was added."""
        return f"{self._sum:0{2 * _BYTES}x}"


def scored(reply: list[bytes]) -> list[tuple[bytes, float]]:
    """Members and scores from a reply that alternates them; servers write the same score in different ways."""
    # Minus zero is no other score than zero.
    return [(member, float(score) + 0.0) for member, score in zip(reply[::2], reply[1::2], strict=True)]


def add_scored(digest: Ordered, members: Iterable[tuple[bytes, float]]) -> None:
    """Add members of a sorted set with their scores."""
    for member, score in members:
        digest.add(member, _score(score))


def canonical_json(text: bytes) -> bytes:
    """A JSON value in one form, whatever the order of its names and the spaces in it.

    Raises:
        ValueError: it is none.
    """
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()


def digest_of(raw: Raw) -> str:
    """The digest of a small value: bytes, a list of elements or of (member, score), a dict, or a set."""
    if isinstance(raw, bytes):
        whole = Bytes()
        whole.add(raw)
        return whole.hexdigest()
    if isinstance(raw, list):
        ordered = Ordered()
        if raw and isinstance(raw[0], tuple):
            add_scored(ordered, raw)
        else:
            ordered.add(*raw)
        return ordered.hexdigest()
    unordered = Unordered()
    if isinstance(raw, dict):
        for field, value in raw.items():
            unordered.add(field, value)
    else:
        for member in raw:
            unordered.add(member)
    return unordered.hexdigest()
