"""Event rows in PostgreSQL's binary COPY format, made from arrays at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = ("id", "organization_id", "user_id", "type", "page", "occurred_at")
_WIDTHS: Final = {"id": 8, "organization_id": 4, "user_id": 4, "type": 2, "page": 2, "occurred_at": 8}
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        *(
            (f"{part}{name}", f">i{width}")
            for name, width in _WIDTHS.items()
            for part, width in (("length_of_", 4), ("", width))
        ),
    ]
)
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_POSTGRES_EPOCH_SECONDS: Final = 946_684_800
"""PostgreSQL counts from 2000-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class EventRows:
    """Event rows; arrays of one shape (n,).

    Attributes:
        ids: unique.
        organizations: number of the organisation, from 1.
        users: number of the user within it, from 1.
        types: index into `EVENT_TYPES`.
        pages: index into `PAGES`.
        occurred_seconds: Unix time, float64.
    """

    ids: NDArray[np.int64]
    organizations: NDArray[np.int64]
    users: NDArray[np.int64]
    types: NDArray[np.int64]
    pages: NDArray[np.int64]
    occurred_seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def joined(cls, blocks: list["EventRows"]) -> "EventRows":
        """All rows of some blocks, in order; at least one."""
        if len(blocks) == 1:
            return blocks[0]
        return cls(*(np.concatenate([getattr(block, name) for block in blocks]) for name in cls.__slots__))

    def binary(self) -> bytes:
        """A whole COPY of the rows, columns as in `COLUMNS`.

        Source: PostgreSQL documentation, COPY, "Binary Format".
        """
        rows = np.empty(len(self), dtype=_ROW)
        rows["fields"] = len(_WIDTHS)
        for name, width in _WIDTHS.items():
            rows[f"length_of_{name}"] = width
        rows["id"] = self.ids
        rows["organization_id"] = self.organizations
        rows["user_id"] = self.users
        rows["type"] = self.types
        rows["page"] = self.pages
        rows["occurred_at"] = np.rint((self.occurred_seconds - _POSTGRES_EPOCH_SECONDS) * 1e6)
        return _HEADER + rows.tobytes() + _TRAILER

    def bucket_starts(self, bucket_seconds: int) -> NDArray[np.int64]:
        """Unix time at which each row's time bucket begins.

        From the whole microseconds that PostgreSQL stores, so that a row and its roll-up never disagree.
        """
        microseconds = np.rint(self.occurred_seconds * 1e6).astype(np.int64)
        return np.asarray(microseconds // (bucket_seconds * 1_000_000) * bucket_seconds)

    def counted(
        self, values: NDArray[np.int64], bucket_seconds: int
    ) -> tuple[list[int], list[int], list[int], list[int]]:
        """How many rows there are for each organisation, bucket and value, of buckets less than 2**16 apart.

        Args:
            values: `types` or `pages`.
            bucket_seconds: length of a bucket.

        Returns:
            Organisations, bucket starts (Unix time), values and counts, in the order of the keys, so that
            concurrent writers lock rows in one order.
        """
        # One number for each key, since sorting numbers is many times faster than sorting rows of them.
        buckets = self.bucket_starts(bucket_seconds) // bucket_seconds
        first = int(buckets.min())
        keys = (self.organizations << 32) | (buckets - first << 16) | values
        unique, counts = np.unique(keys, return_counts=True)
        starts = ((unique >> 16 & 0xFFFF) + first) * bucket_seconds
        return (unique >> 32).tolist(), starts.tolist(), (unique & 0xFFFF).tolist(), counts.tolist()
