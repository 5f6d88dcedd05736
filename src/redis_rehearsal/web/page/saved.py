"""What the page shows of a run that was saved."""

from collections.abc import Mapping
from typing import Any

from redis_rehearsal import __version__
from redis_rehearsal.report.chart_data import chart_data, numbered, whole_seconds
from redis_rehearsal.report.reading import number, words
from redis_rehearsal.report.run_data import RunData

_UNTOLD: Mapping[str, Any] = {"stage": "ended", "migration": None, "verdict": None}


class SavedRun:
    """See `Shown`.

    Args:
        run: what its directory holds.
    """

    def __init__(self, run: RunData) -> None:
        self._run = run
        self._phases = chart_data(run)["phases"]
        rows = whole_seconds(numbered(run.rows), run.document)
        self._rows = [{name: _figure(value) for name, value in row.items()} for row in rows]

    @property
    def name(self) -> str:
        """See `Shown`."""
        return words(self._run.document.started)

    @property
    def ended(self) -> bool:
        """See `Shown`."""
        return True

    def greeting(self) -> dict[str, Any]:
        """See `Shown`."""
        return {"version": __version__, "controllable": False, "strategies": [], "presets": {}}

    def rows_after(self, second: int) -> list[dict[str, Any]]:
        """See `Shown`."""
        return [row for row in self._rows if (number(row["second"]) or 0) > second]

    async def state(self) -> dict[str, Any]:
        """See `Shown`."""
        document = {**_UNTOLD, **self._run.content}
        # Of an older or a damaged run something may be missing; the page shows what is there.
        document["servers"] = document["servers"] if isinstance(document.get("servers"), dict) else {}
        return {
            "run": self.name,
            "ended": True,
            "saved": True,
            "document": document,
            "now": None,
            "load": None,
            "phases": self._phases,
            "progress": {},
            "so_far": None,
        }


def _figure(value: object) -> object:
    """A cell; of a damaged file one may be no figure that JSON can hold."""
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
