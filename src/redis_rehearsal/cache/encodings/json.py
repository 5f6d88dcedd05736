"""A report as a JSON document: a number for each entry, the envelope and the checksum beside them."""

from typing import Any
from zlib import crc32

import orjson

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import (
    CHECKSUM_NAME,
    ENVELOPE_NAME,
    Encoding,
    Entries,
    looks_like_envelope,
    make_envelope,
)

_ENVELOPE = ENVELOPE_NAME.decode()
_CHECKSUM = CHECKSUM_NAME.decode()


class JsonEncoding(Encoding):
    """JSON.SET, JSON.GET: needs the JSON module."""

    name = "json"
    needs = "JSON.SET"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("JSON.GET", key)

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> bytes:
        """See `Encoding`."""
        document: dict[str, Any] = {_ENVELOPE: make_envelope(identity, computed_ms, ttl_ms).decode(), **entries}
        return orjson.dumps({**document, _CHECKSUM: _checksum(document)})

    def put_command(self, key: str, value: bytes) -> bytes:
        """See `Encoding`."""
        return pack("JSON.SET", key, "$", value)

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`."""
        document = _parsed(value)
        found = document.get(_ENVELOPE)
        if not isinstance(found, str) or not looks_like_envelope(found.encode()):
            return None
        return found.encode()

    def is_whole(self, value: bytes) -> bool:
        """See `Encoding`; the order of names says nothing."""
        document = _parsed(value)
        return bool(document.pop(_CHECKSUM, None) == _checksum(document))

    def decode(self, value: bytes) -> Entries:
        """See `Encoding`."""
        document = _parsed(value)
        return {name: number for name, number in document.items() if name not in (_ENVELOPE, _CHECKSUM)}


def _parsed(value: Any) -> dict[str, Any]:
    try:
        document = orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError):
        return {}
    return document if isinstance(document, dict) else {}


def _checksum(document: dict[str, Any]) -> int:
    return crc32(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
