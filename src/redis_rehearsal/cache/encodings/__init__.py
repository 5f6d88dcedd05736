"""How a report is stored: one file for each Redis data type. To add one, add its file and its entry here."""

from typing import Final

from redis_rehearsal.cache.encodings.base import Encoding
from redis_rehearsal.cache.encodings.hash import HashEncoding
from redis_rehearsal.cache.encodings.json import JsonEncoding
from redis_rehearsal.cache.encodings.list import ListEncoding
from redis_rehearsal.cache.encodings.set import SetEncoding
from redis_rehearsal.cache.encodings.sorted_set import SortedSetEncoding
from redis_rehearsal.cache.encodings.string import StringEncoding

ENCODINGS: Final[dict[str, Encoding]] = {
    encoding.name: encoding
    for encoding in (
        StringEncoding(),
        JsonEncoding(),
        HashEncoding(),
        ListEncoding(),
        SetEncoding(),
        SortedSetEncoding(),
    )
}

__all__ = ["ENCODINGS", "Encoding"]
