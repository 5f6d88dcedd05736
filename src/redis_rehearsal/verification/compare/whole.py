"""Whole values of keys that differ, for a reader who asked for them, in a form that JSON can hold."""

from base64 import b64encode
from typing import Any, Final

from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.types import JSON
from redis_rehearsal.verification.compare.contents import pages, stream_entries, string_chunks

_PAGE: Final = 500


def text(value: bytes) -> str | dict[str, str]:
    """Bytes as UTF-8; marked base64 where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


async def whole_value(asker: Asker, key: bytes, kind: str) -> Any:
    """All of a value, read in pieces.

    Args:
        asker: of the server.
        key: its name.
        kind: its type, as TYPE names it.

    Returns:
        A string as text, a list and a set as lists, a hash and a sorted set as lists of pairs, a stream as its
        entries; None where there is no such value, or no command for it.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    name = kind.encode()
    if name == b"string":
        return text(b"".join([chunk async for chunk in string_chunks(asker, key)]))
    if name == JSON:
        reply = await asker.ask("JSON.GET", key)
        return None if reply is None else text(reply)
    if name == b"stream":
        return [
            [text(identifier), [text(part) for part in fields]]
            async for page in stream_entries(asker, key, _PAGE)
            for identifier, fields in page
        ]
    if name not in (b"list", b"hash", b"set", b"zset"):
        return None
    found: list[Any] = []
    async for page in pages(asker, name, key, _PAGE):
        for element in page:
            match name:
                case b"list":
                    found.append(text(element))
                case b"set":
                    found.append(text(element[0]))
                case b"hash":
                    found.append([text(element[0]), text(element[1])])
                case _:
                    # JSON has no infinity.
                    found.append([text(element[0]), str(element[1])])
    return found
