"""What happened second by second, in memory and in a file that other tools can load."""

import contextlib
import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from redis_rehearsal.fleet.row import COLUMNS, Label, Row, Second
from redis_rehearsal.fleet.rows import PackedRows, since


class Timeline:
    """The rows of a run, in memory and in a CSV file as they come.

    Args:
        at: Unix time at which a second began, by its number.
        label: what went on in a second, by its number.
        annotate: what happened of itself in a second, by its number; empty where nothing did.

    Attributes:
        rows: all of them, oldest first.
        on_failure: called once, when the file cannot be written on.
    """

    def __init__(
        self, at: Callable[[int], float], label: Callable[[int], Label], annotate: Callable[[int], str] = lambda _: ""
    ) -> None:
        self._at = at
        self._label = label
        self._annotate = annotate
        self._file: TextIO | None = None
        self._path: Path | None = None
        self._changed = False
        self.rows = PackedRows()
        self.on_failure: Callable[[OSError], None] = lambda _: None

    def write_to(self, path: Path) -> None:
        """Keep the rows in a file too."""
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            self._give_up(error)
        self._path = path
        self._write(COLUMNS)

    def add(self, second: Second) -> None:
        """A second is over, and all that is known of it was reported."""
        row = self._row(second)
        self.rows.append(row)
        self._write([getattr(row, name) for name in COLUMNS])

    def amend(self, second: Second) -> None:
        """Of a second that was over more was reported; the file has it once it is closed."""
        place = since(self.rows, second.number)
        if place < len(self.rows) and self.rows[place].second == second.number:
            self.rows[place] = self._row(second)
            self._changed = True

    def _row(self, second: Second) -> Row:
        number = second.number
        return Row.of(second, self._at(number), self._label(number), self._annotate(number))

    def _write(self, values: Any) -> None:
        if self._file is None:
            return
        text = StringIO()
        csv.writer(text).writerow(values)
        try:
            self._file.write(text.getvalue())
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        file, self._file = self._file, None
        self.on_failure(error)
        if file is not None:
            # What is still in its buffer would be tried again.
            with contextlib.suppress(OSError):
                file.close()

    def close(self) -> None:
        """Close the file."""
        try:
            if self._file is not None and self._path is not None and self._changed:
                self._file.close()
                self.write_to(self._path)
                for row in self.rows:
                    self._write([getattr(row, name) for name in COLUMNS])
            if self._file is not None:
                self._file.close()
                self._file = None
        except OSError as error:
            self._give_up(error)
