"""What a report is made of: a run's document, its seconds and its percentiles, from memory or from its directory."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any, Final, overload

from redis_rehearsal.document.base import as_json
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.fleet.row import COLUMNS, as_mapping
from redis_rehearsal.fleet.rows import Rows
from redis_rehearsal.report.document import make_document, phases_of
from redis_rehearsal.view.run_view import RunView

TIMELINE: Final = "timeline.csv"
PERCENTILES: Final = "percentiles.csv"
_CLOCKS: Final = ("response", "service", "lag")
_WORDS: Final = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Percentile:
    """A point of the distribution of a phase's latency.

    Attributes:
        phase: name of it; a later phase of the same name has its number behind it, such as `cutover 2`.
        kind: `queries` or `events`.
        clock: `response`, `service` or `lag`.
        quantile: from 0 to 1.
        seconds: that this share of the ok operations did not exceed.
        count: ok operations that did not exceed it.
    """

    phase: str
    kind: str
    clock: str
    quantile: float
    seconds: float
    count: int


PERCENTILE_COLUMNS: Final = tuple(column.name for column in fields(Percentile))


class RowMappings(Sequence[Mapping[str, object]]):
    """The rows of a timeline by name of the column, each made when it is asked for."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, object]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, object]]: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
        found = self._rows[place]
        return RowMappings(found) if isinstance(found, Rows) else as_mapping(found)

    def column(self, name: str) -> Sequence[object]:
        """A figure of all of them; None where there is no such column."""
        return self._rows.column(name) if name in COLUMNS else [None] * len(self._rows)


def column(rows: Sequence[Mapping[str, object]], name: str) -> Sequence[object]:
    """A figure of all rows, however they are kept."""
    return rows.column(name) if isinstance(rows, RowMappings) else [row.get(name) for row in rows]


@dataclass(frozen=True, slots=True)
class RunData:
    """A run as its report needs it; of what comes from files nothing has been checked.

    Attributes:
        document: as far as it is there.
        rows: as timeline.csv holds them, by name of the column.
        percentiles: as percentiles.csv holds them, by name of the column.
        saved: the document as run.json holds it, whatever else is in it; None of a run that is in memory.
    """

    document: RunDocument
    rows: Sequence[Mapping[str, object]] = ()
    percentiles: Sequence[Mapping[str, object]] = ()
    saved: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, view: RunView) -> "RunData":
        """A run so far."""
        return cls(
            make_document(view),
            RowMappings(view.timeline.rows[:]),
            [{name: getattr(each, name) for name in PERCENTILE_COLUMNS} for each in percentiles_of(view)],
        )

    @classmethod
    def read(cls, directory: Path, saved: Mapping[str, Any]) -> "RunData":
        """A run that has ended; a file that is not there, as of an older run, has no rows.

        Args:
            directory: of the run.
            saved: its document, as run.json holds it.

        Raises:
            OSError: a file is there and cannot be read.
        """
        files = _read(directory / TIMELINE), _read(directory / PERCENTILES)
        return cls(read(RunDocument, saved), *files, saved)

    @property
    def content(self) -> Mapping[str, Any]:
        """The document as JSON has it."""
        return as_json(self.document) if self.saved is None else self.saved


def percentiles_of(view: RunView) -> list[Percentile]:
    """The distribution of every phase's latency, enough of it for a smooth plot."""
    found: list[Percentile] = []
    seen: Counter[str] = Counter()
    for phase in phases_of(view):
        seen[phase.name] += 1
        name = phase.name if seen[phase.name] == 1 else f"{phase.name} {seen[phase.name]}"
        for kind, tally in (("queries", phase.queries), ("events", phase.events)):
            for clock in _CLOCKS:
                histogram = getattr(tally, clock)
                found += [Percentile(name, kind, clock, *point) for point in histogram.percentiles()]
    return found


def write_percentiles(view: RunView, directory: Path) -> None:
    """Leave percentiles.csv in the directory of a run.

    Raises:
        OSError: it cannot be written.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(PERCENTILE_COLUMNS)
    writer.writerows([getattr(each, name) for name in PERCENTILE_COLUMNS] for each in percentiles_of(view))
    (directory / PERCENTILES).write_text(text.getvalue(), encoding="utf-8", newline="")


def _read(path: Path) -> list[Mapping[str, object]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    try:
        return [{name: _value(cell) for name, cell in row.items() if name} for row in csv.DictReader(StringIO(text))]
    except csv.Error:  # damaged beyond reading
        return []


def _value(cell: object) -> object:
    """A cell as it was before it was written."""
    if not isinstance(cell, str) or not cell:
        return None
    if cell in _WORDS:
        return _WORDS[cell]
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        return float(cell)
    except ValueError:
        return cell
