"""What happens in a migration, as lines: for each phase and for each step one, with how long it took."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.document.migration import Step
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.report.reading import duration, words

_RUNNING: Final = "running"


def step_line(step: Step) -> str:
    """A step that has begun or ended: its name, how it ended, after how long, and what came of it."""
    status = words(step.status)
    line = f"{words(step.name)}: {status}"
    if status != _RUNNING and step.duration_seconds is not None:
        line += f" after {duration(step.duration_seconds, digits=3)}"
    detail = words(step.detail, "")
    return f"{line}; {detail}" if detail else line


class Narrator:
    """Tells what is new of a migration, each thing once.

    Args:
        begun: whether a step is told when it begins too, and not only when it has ended.
    """

    def __init__(self, *, begun: bool = True) -> None:
        self._begun = begun
        self._told: dict[int, str] = {}
        self._phases_told = 0

    def steps(self, steps: Sequence[Step]) -> list[tuple[int, str]]:
        """What is new of its steps: the number of each, and a line.

        Args:
            steps: of the migration, all so far.
        """
        lines = []
        for number, step in enumerate(steps):
            status = words(step.status)
            if self._told.get(number) == status or (status == _RUNNING and not self._begun):
                continue
            self._told[number] = status
            lines.append((number, step_line(step)))
        return lines

    def phases(self, phases: Sequence[tuple[str, float]], options: MigrationOptions) -> list[tuple[float, str]]:
        """What is new of its phases: when each began, and a line.

        Args:
            phases: all so far, each with when it began, in seconds; those of the same name that follow each other are
                one.
            options: of the migration, which say how long some are to last.
        """
        plans: dict[str, str] = {
            Phase.BASELINE: f"{duration(options.baseline)} of load as it is",
            Phase.RECOVERY: f"watched for {duration(options.observe)} at least",
        }
        merged = [each for at, each in enumerate(phases) if at == 0 or phases[at - 1][0] != each[0]]
        lines = []
        for place in range(self._phases_told, len(merged)):
            name, began = merged[place]
            line = f"phase {name}"
            if name in plans:
                line += f": {plans[name]}"
            if place:
                before, since = merged[place - 1]
                line += f" ({before} took {duration(max(0.0, began - since))})"
            lines.append((began, line))
        self._phases_told = len(merged)
        return lines
