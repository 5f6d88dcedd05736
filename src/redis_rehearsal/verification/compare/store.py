"""Keeps the keys that differ: in memory up to a bound, beyond it in a temporary file that goes with the process."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from redis_rehearsal.verification.compare.classify import Difference, Kind, Summary
from redis_rehearsal.verification.not_carried import NAMED, NotCarried

MEMORY_BYTES: Final = 16 * 1024 * 1024
"""So much is kept in memory."""

_FIELDS: Final = ("type", "length", "ttl_ms", "digest")
_NOTHING: Final = (None,) * len(_FIELDS)
_KINDS: Final = {kind.value: kind for kind in Kind}
_COLUMNS: Final = (
    *("key", "kind", "seen_seconds", "unsettled", "evictable", "source_moved"),
    *(f"{role}_{name}" for role in ("source", "target") for name in _FIELDS),
)


class DifferenceStore:
    """Differences by key.

    Args:
        memory_bytes: most memory that is used before the rest goes to a file.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        # A database without a name is a temporary file that no one else sees, written only once its cache is full.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{max(1, memory_bytes // 1024)}")
        self._database.execute("PRAGMA journal_mode = OFF")
        columns = ", ".join(_COLUMNS[1:])
        self._database.execute("CREATE TABLE not_carried (key BLOB PRIMARY KEY, things) WITHOUT ROWID")
        self._database.execute(f"CREATE TABLE differences (key BLOB PRIMARY KEY, {columns}) WITHOUT ROWID")

    def close(self) -> None:
        """Forget everything; the file goes."""
        self._database.close()

    def put(self, differences: Iterable[Difference]) -> None:
        """Keep differences, in the place of what was known of their keys."""
        places = ", ".join("?" * len(_COLUMNS))
        self._write(
            f"INSERT OR REPLACE INTO differences VALUES ({places})",  # noqa: S608 # constants
            [_row(difference) for difference in differences],
        )

    def remove(self, keys: Iterable[bytes]) -> None:
        """Forget keys."""
        self._write("DELETE FROM differences WHERE key = ?", [(key,) for key in keys])

    def batches(self, size: int) -> Iterator[list[Difference]]:
        """All differences in the order of their keys; those of a batch may be replaced or removed meanwhile."""
        rows = self._database.execute("SELECT * FROM differences ORDER BY key LIMIT ?", (size,)).fetchall()
        while rows:
            yield [_difference(row) for row in rows]
            rows = self._database.execute(
                "SELECT * FROM differences WHERE key > ? ORDER BY key LIMIT ?", (rows[-1][0], size)
            ).fetchall()

    def counts(self) -> list[tuple[Kind, int]]:
        """How many there are of each kind."""
        rows = self._database.execute("SELECT kind, COUNT(*) FROM differences GROUP BY kind")
        return [(Kind(kind), count) for kind, count in rows]

    def note_not_carried(self, keys: Iterable[bytes], things: Mapping[bytes, int]) -> None:
        """Keep how many things of some keys the target cannot hold, in the place of what was known of them."""
        self._write("DELETE FROM not_carried WHERE key = ?", [(key,) for key in keys])
        self._write("INSERT OR REPLACE INTO not_carried VALUES (?, ?)", list(things.items()))

    def not_carried(self) -> NotCarried:
        """All that the target cannot hold."""
        things = self._database.execute("SELECT COALESCE(SUM(things), 0) FROM not_carried").fetchone()[0]
        rows = self._database.execute("SELECT key FROM not_carried ORDER BY key LIMIT ?", (NAMED,))
        return NotCarried(things, tuple(key.decode(errors="replace") for (key,) in rows))

    def __len__(self) -> int:
        return int(self._database.execute("SELECT COUNT(*) FROM differences").fetchone()[0])

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._database.execute("BEGIN")
            self._database.executemany(statement, rows)
            self._database.execute("COMMIT")


def _row(difference: Difference) -> tuple[Any, ...]:
    source, target = difference.source, difference.target
    return (
        *(difference.key, difference.kind.value, difference.seen_seconds),
        *(difference.unsettled, difference.evictable, difference.source_moved),
        *((source.type, source.length, source.ttl_ms, source.digest) if source else _NOTHING),
        *((target.type, target.length, target.ttl_ms, target.digest) if target else _NOTHING),
    )


def _difference(row: tuple[Any, ...]) -> Difference:
    key, kind, seen_seconds, *more = row
    unsettled, evictable, source_moved = map(bool, more[:3])
    held = more[3:]
    source = None if held[0] is None else Summary(*held[:4])
    target = None if held[4] is None else Summary(*held[4:])
    return Difference(key, _KINDS[kind], source, target, seen_seconds, unsettled, evictable, source_moved)
