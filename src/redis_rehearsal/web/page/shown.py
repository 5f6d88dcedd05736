"""What the live page shows: a run that is going on."""

from collections.abc import Sequence
from typing import Any, Protocol

from redis_rehearsal import __version__
from redis_rehearsal.fleet.rows import since
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.run_controls import RunControls
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.report.document import make_document
from redis_rehearsal.view.run_view import RunView, Stage
from redis_rehearsal.workload.presets import PRESETS


class Shown(Protocol):
    """A run as the page sees it, also a saved one. Every document is JSON without secrets."""

    @property
    def name(self) -> str:
        """Tells it from other runs at the same address."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    def greeting(self) -> dict[str, Any]:
        """What does not change while it lasts: version, strategies, presets."""

    def rows_after(self, second: int) -> Sequence[Any]:
        """The timeline's rows later than a second, each a row of the timeline or of its file; -1 for all."""

    async def state(self) -> dict[str, Any]:
        """How things are now: document, route, phases, load, what was written since the cutover, the verdict so far."""


def strategies() -> list[dict[str, Any]]:
    """The strategies as the page offers them: those with which this tool moves the application."""
    fields = MigrationOptions.model_json_schema()["properties"]
    return [
        {
            "name": strategy.name,
            "summary": strategy.summary,
            "goes_wrong": strategy.goes_wrong,
            "suggested": strategy.suggested,
            "uses": strategy.options_used,
            "options": [
                {
                    "name": option.name,
                    "meaning": option.meaning,
                    "type": fields[option.name].get("type", ""),
                    "on": option.default is True,
                }
                for option in strategy.options
            ],
        }
        for strategy in STRATEGIES.values()
        if strategy.switches
    ]


class LiveRun:
    """See `Shown`.

    Args:
        view: of the run.
        controls: what can be done to it; None where nothing can.
    """

    def __init__(self, view: RunView, controls: RunControls | None) -> None:
        self._view = view
        self._controls = controls

    @property
    def name(self) -> str:
        """See `Shown`."""
        return self._view.directory.name if self._view.directory else ""

    @property
    def ended(self) -> bool:
        """See `Shown`."""
        return self._view.stage == Stage.ENDED

    def greeting(self) -> dict[str, Any]:
        """See `Shown`."""
        return {
            "version": __version__,
            "controllable": self._controls is not None,
            "strategies": strategies(),
            "presets": PRESETS,
        }

    def rows_after(self, second: int) -> Sequence[Any]:
        """See `Shown`."""
        rows = self._view.timeline.rows
        end = len(rows)
        view = self._view
        # What happened in a part of a second is no rate.
        while view.ended_seconds and end and view.began_seconds + rows[end - 1].second + 0.95 > view.ended_seconds:
            end -= 1
        return rows[since(rows, second + 1) : end]

    async def state(self) -> dict[str, Any]:
        """See `Shown`."""
        view, controls = self._view, self._controls
        return {
            "run": self.name,
            "ended": self.ended,
            "directory": str(view.directory) if view.directory else None,
            "document": make_document(view),
            "now": controls.status() if controls else None,
            "load": controls.load() if controls else None,
            "phases": self._phases(),
            "progress": {step: list(counts) for step, counts in view.progress.items()},
            "acknowledged_since_cutover": self._acknowledged_since_cutover(),
            "so_far": await controls.verdict_so_far() if controls else None,
        }

    def _acknowledged_since_cutover(self) -> int:
        """Events that a return to the source would leave behind, as far as only the target has them."""
        view = self._view
        cutovers = view.records[-1].migration.context.cutovers if view.records else []
        if len(cutovers) != 1:
            return 0
        # The whole of the second in which it began, since nobody knows which part of it.
        first = int(cutovers[0][0] - view.began_seconds)
        rows = view.timeline.rows
        return int(rows[since(rows, first) :].numbers("events_ok").sum())

    def _phases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for segment in self._view.segments():
            since = segment.began_seconds - self._view.began_seconds
            if found and found[-1]["name"] == segment.phase:
                continue
            if found:
                found[-1]["to_second"] = since
            found.append({"name": segment.phase, "from_second": since, "to_second": None})
        return found
