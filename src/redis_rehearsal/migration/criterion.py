"""What a criterion declares of itself. Cheap to load: models of options read it as the command line starts. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from redis_rehearsal.migration.declaring import Declared, Option
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, Unit, unknown

if TYPE_CHECKING:
    # At the top they would load what the engine counts with.
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures
    from redis_rehearsal.migration.limits import Limits

About = Literal["run", "data", "time"]
Kind = Literal["queries", "events"]


class Explanation(StrEnum):
    """What may explain that a criterion failed, so that it is what has to be done something about."""

    RESTART = "restart"
    """A server was started anew."""
    EVICTION = "eviction"
    """A server evicted keys."""
    NO_FINAL_PASS = "no final pass"  # noqa: S105 # no password
    """What was written while it was copied was not copied again."""
    NO_FREEZE = "no freeze"
    """Nobody held writes back in the cutover."""


def _always(_: "Evidence") -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredCriterion(Declared):
    """Something that is asked of a migration, and how it is judged.

    Attributes:
        about: whether the run came to its end, what became of the data, or what it cost the application.
        judge: from this, what is known of the migration, and what was found in it, to what became of it. Pure.
        reads: of what it judges, beside its limit: attributes of `Evidence`, and of `Figures` as `figures.recovery`.
        advice: what to do where it failed, if the strategy has nothing better to say.
        unit: of what is measured and of the limit.
        limit: the option that says what is allowed, one of `Limits`, or one that it brings along; None where there is
            nothing to allow.
        applies: whether it is asked of a migration of which this is known; it stands in no verdict where it is not.
        kind: of the operations that it is about, where it is about some.
        advice_by_cause: what to do where it is unknown for a cause, if that is not the same for every criterion.
        explained_by: what explains it where it happened, rather than the strategy.
    """

    about: About
    judge: Callable[["DeclaredCriterion", "Evidence", "Figures"], Criterion]
    reads: tuple[str, ...]
    advice: str
    unit: Unit = "count"
    limit: str | Option | None = None
    applies: Callable[["Evidence"], bool] = _always
    kind: Kind = "queries"
    advice_by_cause: Mapping[Cause, str] = field(default_factory=dict)
    explained_by: frozenset[Explanation] = frozenset()

    @property
    def limit_name(self) -> str | None:
        """The name of the option that says what is allowed."""
        return self.limit.name if isinstance(self.limit, Option) else self.limit

    def allowed(self, limits: "Limits") -> Any:
        """What is allowed.

        Raises:
            AttributeError: there is nothing to allow.
        """
        return getattr(limits, str(self.limit_name))

    def judged(self, evidence: "Evidence", figures: "Figures") -> Criterion | None:
        """What became of it; None where it is not asked. Where others' judge fails, that is not known.

        Raises:
            ValueError: its judge speaks of another criterion.
        """
        try:
            if not self.applies(evidence):
                return None
            found = self.judge(self, evidence, figures)
            self._see_that_it_is_this_one(found)
        except Exception as error:
            if not self.package:
                raise
            because = Cause.JUDGE_BROKE.because(package=self.package, error=f"{type(error).__name__}: {error}")
            return unknown(self.name, None, None, self.unit, because)
        return found

    def _see_that_it_is_this_one(self, found: Criterion) -> None:
        if found.name != self.name:
            raise ValueError(f"the criterion {self.name} was judged as {found.name}")
