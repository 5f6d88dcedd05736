"""The rows of a timeline, packed: a day of them takes some 30 MB, where as objects they took 120."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, Final, overload

import numpy as np

from redis_rehearsal.fleet.row import COLUMNS, Row

_CHUNK_ROWS: Final = 1024
_PACKED: Final[dict[object, str]] = {int: "i8", float: "f8", float | None: "f8", bool: "?", str: "u4"}
"""How a column's values are kept: None as NaN, a text by its number."""
_TYPES: Final = {column.name: column.type for column in fields(Row)}
_LAYOUT: Final = np.dtype([(name, _PACKED[kind]) for name, kind in _TYPES.items()])
_TEXTS: Final = [place for place, name in enumerate(COLUMNS) if _TYPES[name] is str]
_MAY_BE_NONE: Final = [place for place, name in enumerate(COLUMNS) if _TYPES[name] == float | None]


class _Store:
    """Rows by their place."""

    def __init__(self) -> None:
        self.chunks: list[np.ndarray[Any, Any]] = []
        self.texts: list[str] = []
        self.numbers: dict[str, int] = {}

    def put(self, place: int, row: Row) -> None:
        if place == len(self.chunks) * _CHUNK_ROWS:
            self.chunks.append(np.zeros(_CHUNK_ROWS, _LAYOUT))
        values = [getattr(row, name) for name in COLUMNS]
        for at in _TEXTS:
            values[at] = self._number(values[at])
        for at in _MAY_BE_NONE:
            if values[at] is None:
                values[at] = np.nan
        self.chunks[place // _CHUNK_ROWS][place % _CHUNK_ROWS] = tuple(values)

    def _number(self, text: str) -> int:
        number = self.numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def get(self, place: int) -> Row:
        values = list(self.chunks[place // _CHUNK_ROWS][place % _CHUNK_ROWS].item())
        for at in _TEXTS:
            values[at] = self.texts[values[at]]
        for at in _MAY_BE_NONE:
            if values[at] != values[at]:
                values[at] = None
        return Row(*values)

    def packed(self, name: str, places: range) -> np.ndarray[Any, Any]:
        if not places:
            return np.empty(0, _LAYOUT[name])
        first, end = min(places[0], places[-1]), max(places[0], places[-1]) + 1
        parts = [
            self.chunks[start // _CHUNK_ROWS][name][max(0, first - start) : end - start]
            for start in range(first - first % _CHUNK_ROWS, end, _CHUNK_ROWS)
        ]
        return np.concatenate(parts)[:: places.step]

    def column(self, name: str, places: range) -> list[Any]:
        values: list[Any] = self.packed(name, places).tolist()
        if _TYPES[name] is str:
            return [self.texts[number] for number in values]
        if _TYPES[name] == float | None:
            return [None if value != value else value for value in values]
        return values


class Rows(Sequence[Row]):
    """Some of the rows that are kept, oldest first; a slice of them is of the same kind.

    Each row is made anew when it is asked for, so that who needs one figure of all asks for `column`.
    """

    def __init__(self, store: _Store, places: range) -> None:
        self._store = store
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> "Rows": ...
    def __getitem__(self, place: int | slice) -> "Row | Rows":
        found = self._places[place]
        return self._store.get(found) if isinstance(found, int) else Rows(self._store, found)

    def __iter__(self) -> Iterator[Row]:
        # A row that is added meanwhile is not one of these.
        return map(self._store.get, self._places)

    def column(self, name: str) -> list[Any]:
        """A figure of all of them."""
        return self._store.column(name, self._places)

    def numbers(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A figure of all of them that is a number; NaN for None. In a hundredth of the time that `column` takes."""
        return self._store.packed(name, self._places).astype(np.float64)


class PackedRows(Rows):
    """All rows that are kept; a slice keeps its bounds when rows are added, and shows those that were put anew."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        super().__init__(_Store(), range(0))
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        """Add one at the end."""
        self._store.put(len(self), row)
        self._places = range(len(self) + 1)

    def __setitem__(self, place: int, row: Row) -> None:
        self._store.put(self._places[place], row)


def column(rows: Sequence[Row], name: str) -> list[Any]:
    """A figure of all rows, however they are kept."""
    return rows.column(name) if isinstance(rows, Rows) else [getattr(row, name) for row in rows]


def since(rows: Sequence[Row], second: float) -> int:
    """The place of the first row whose second is this one or later.

    Args:
        rows: in the order of their seconds.
        second: of the load.
    """
    return bisect_left(rows, second, key=lambda row: row.second)
