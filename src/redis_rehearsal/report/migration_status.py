"""How far a migration is, for who watches it in a terminal."""

from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from redis_rehearsal.document.verdict import Verdict
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.migration_document import migration_document
from redis_rehearsal.report.narration import Narrator, step_line
from redis_rehearsal.report.reading import duration, words
from redis_rehearsal.view.run_view import RunView

_MOST_NAMED: Final = 6


class MigrationStatus:
    """The migrations of a run, of which the latest is shown.

    Args:
        view: of the run.

    Attributes:
        so_far: what the verdict would be if the migration ended now; None where that is not known.
    """

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._narrators: list[Narrator] = []
        self.so_far: Verdict | None = None

    def news(self) -> list[str]:
        """What was done since it was last asked, a line each: phases, and steps that have ended."""
        lines = []
        for place, record in enumerate(self._view.records):
            if place == len(self._narrators):
                self._narrators.append(Narrator(begun=False))
                strategy = record.migration.context.options.strategy
                lines.append(f"migration by {strategy}: {self._from_to()}")
            narrator, steps = self._narrators[place], record.migration.context.steps
            new = [
                (steps[number].began_seconds + (steps[number].duration_seconds or 0.0), line)
                for number, line in narrator.steps(migration_document(record).steps)
            ]
            if record is self._view.records[-1]:
                new += narrator.phases(self._phases(record), record.migration.context.options)
            lines += [line for _, line in sorted(new)]
        return lines

    def now(self, now_seconds: float) -> str:
        """The phase and for how long it has lasted; empty where nothing is migrated.

        Args:
            now_seconds: the time, on the monotonic clock.
        """
        record = self._record()
        if record is None:
            return ""
        phases = [each for each in self._phases(record) if each[1] <= now_seconds]
        if not phases:
            return ""
        name = phases[-1][0]
        # A phase of two parts is one.
        began = next(
            at
            for place, (each, at) in enumerate(phases)
            if each == name and all(later == name for later, _ in phases[place:])
        )
        left = self._left(record, name, now_seconds - began)
        lasted = duration(float(int(now_seconds - began)))
        return f"phase {name} for {lasted}{f' ({left})' if left else ''}"

    def picture(self, now_seconds: float, steps: int) -> RenderableType | None:
        """The phase, the latest steps, and the verdict so far; None where nothing is migrated.

        Args:
            now_seconds: the time, on the monotonic clock.
            steps: so many are shown.
        """
        record = self._record()
        if record is None:
            return None
        document = migration_document(record)
        shown = Text(f"\n{record.migration.context.options.strategy}: {self.now(now_seconds) or 'begins'}", "bold")
        lines: list[RenderableType] = [shown]
        for step in document.steps[-steps:]:
            running = step.status == "running"
            line = Text(step_line(step), "" if running else "dim", no_wrap=True, overflow="ellipsis")
            if running and record.migration.context.progress:
                line.append(f"; {words(record.migration.context.progress, '')}")
            lines.append(line)
        if verdict := (document.verdict or self.so_far):
            word = "verdict" if document.verdict else "so far"
            lines.append(Text(f"{word}: {_judged(verdict)}", _style(verdict), no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _record(self) -> Record | None:
        return self._view.records[-1] if self._view.migration_going_on else None

    def _phases(self, record: Record) -> list[tuple[str, float]]:
        return [(each.phase, each.began_seconds) for each in self._view.segments()[record.first_segment :]]

    def _from_to(self) -> str:
        servers = self._view.servers
        if servers is None:
            return ""
        return f"{servers.source.product} to {servers.target.product}"

    @staticmethod
    def _left(record: Record, name: str, lasted_seconds: float) -> str:
        options = record.migration.context.options
        if name == Phase.BASELINE:
            return f"{duration(float(max(0, round(options.baseline - lasted_seconds))))} left"
        if name == Phase.RECOVERY:
            left = options.observe - lasted_seconds
            return f"{duration(float(round(left)))} left" if left > 0 else "until all is as before"
        return ""


def _judged(verdict: Verdict) -> str:
    """What failed, and how much is not known; of what is under way nearly all is not."""
    criteria = verdict.criteria
    failed = [words(each.name) for each in criteria if each.status == "failed"]
    unknown = sum(each.status == "unknown" for each in criteria)
    more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
    found = f"failed: {', '.join(failed[:_MOST_NAMED])}{more}" if failed else "nothing failed"
    return f"{found}; {unknown} of {len(criteria)} criteria not known yet" if unknown else found


def _style(verdict: Verdict) -> str:
    return "bold red" if any(each.status == "failed" for each in verdict.criteria) else ""
