"""Every reason why something is not known: the words that people read, and the name that advice goes by. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Self


class Reason(str):
    """Why something is not known: words in which figures stand, and what they are about.

    It is made by `Cause.because`, and of other reasons; who wants one cannot be given words alone.

    Args:
        text: the words.
        causes: what it comes from; none where there is no reason.
    """

    __slots__ = ("causes",)
    causes: tuple["Cause", ...]

    def __new__(cls, text: str = "", causes: Iterable["Cause"] = ()) -> Self:  # noqa: D102 # the class says it
        made = super().__new__(cls, text)
        made.causes = tuple(dict.fromkeys(causes))
        return made

    def __getnewargs__(self) -> tuple[str, tuple["Cause", ...]]:  # type: ignore[override] # more than a str has
        return str(self), self.causes

    def detailed(self, detail: str) -> "Reason":
        """With a figure behind it."""
        return Reason(f"{self}: {detail}", self.causes)

    def under(self, heading: str) -> "Reason":
        """With what it is a reason for before it."""
        return Reason(f"{heading}: {self}", self.causes)

    @classmethod
    def joined(cls, reasons: Iterable["Reason"]) -> "Reason":
        """Several, one after the other."""
        found = [reason for reason in reasons if reason]
        return cls("; ".join(found), (cause for reason in found for cause in reason.causes))


NO_REASON: Final = Reason()


class Cause(StrEnum):
    """What a reason comes from. Its value stands in documents; there is advice for each.

    Attributes:
        text: of the reason, with places for figures.
    """

    text: str

    def __new__(cls, name: str, text: str) -> Self:  # noqa: D102 # a member is its name in documents and its text
        made = str.__new__(cls, name)
        made._value_ = name
        made.text = text
        return made

    # The machine and the load.
    GENERATOR_SATURATED = "generator-saturated", "the generator itself was the bottleneck"
    GENERATOR_STALLED = "generator-stalled", "the generator itself stood still meanwhile"
    BASELINE_STALLED = (
        "baseline-stalled",
        "the generator itself stood still in the baseline, on which the limit rests",
    )
    BASELINE_ALL_STALLED = (
        "baseline-all-stalled",
        "the generator itself stood still in every second of the baseline",
    )
    WORKER_LOST = (
        "worker-lost",
        "a worker of the load ended by itself, and what it saw in its last second is not known",
    )
    NO_BASELINE = "no-baseline", "there was no baseline"
    BASELINE_SHORT = "baseline-short", "the baseline had fewer than {least} whole seconds"
    BASELINE_DOWN = "baseline-down", "the baseline itself had {seconds:.3f} s without an answer"
    BASELINE_SLOW = "baseline-slow", "the baseline itself had a p99 of {seconds:.3f} s"
    NONE_DUE = "none-due", "no {kind} were due{when}"
    NONE_ANSWERED = "none-answered", "no {kind} were answered{when}"
    TOO_RARE = (
        "too-rare",
        "operations come too rarely to tell downtime from waiting for one; raise the rate or the limit",
    )
    NO_REPORT_CHECKED = "no-report-checked", "no report was checked"
    NO_COUNTER_CHECKED = "no-counter-checked", "no counter was read and checked"

    # What was not over when it was judged.
    UNANSWERED = "unanswered", "{count:,} more had no answer when it was judged"
    STILL_DOWN = "still-down", "it was still down when the load ended"
    LOAD_CHANGED = "load-changed", "the load was changed after the baseline had begun, so that they do not compare"
    NOT_RECOVERED = (
        "not-recovered",
        "not as in the baseline for good when the observation ended: {measures}",
    )
    ENDED_EARLY = "ended-early", "it was ended before it was through"
    UNDER_WAY = "under-way", "it is under way"
    COMPARED_LATER = "compared-later", "the servers are compared once the recovery is over"
    COUNTED_LATER = "counted-later", "they are read after the cutover"

    # The migration and the run.
    NO_CUTOVER = "no-cutover", "there was no cutover"
    RUN_BROKE = "run-broke", "{sentence}"
    JUDGE_BROKE = "judge-broke", "the package {package} failed to judge it ({error})"
    NOTHING_MOVED = "nothing-moved", "{sentence}"
    SERVER_NAMELESS = "server-nameless", "{sentence}"
    SERVERS_MIXED = "servers-mixed", "{how}"
    MOVED_AGAIN = "moved-again", "the endpoint moved again when the load had ended"

    # The data.
    COUNTERS_UNREAD = "counters-unread", "{error}"
    COUNTERS_NOT_COMPARED = "counters-not-compared", "some counters could not be compared"
    OUTCOME_UNKNOWN = "outcome-unknown", "up to {most:,}, since the outcome of some writes is unknown"
    ELEMENTS_FORGOTTEN = (
        "elements-forgotten",
        "{count:,} elements of lists are older than what the ledger remembers, so that they are not checked",
    )
    SERVERS_UNREAD = "servers-unread", "{error}"
    SWITCHED = (
        "switched",
        "the application was switched by hand, and is not on the server that it was moved to",
    )
    TYPES_UNREADABLE = "types-unreadable", "{count:,} keys of types that cannot be read ({types})"
    DELETIONS_UNKNOWN = (
        "deletions-unknown",
        "{count:,} reports that only one server has may have been deleted, as event rows that are not there would tell",
    )
    TWO_WRITERS = (
        "two-writers",
        "two writers: {keys} changed on the server that was left, after the application had left it",
    )
    KEPT_CHANGING = "kept-changing", "{keys} kept changing on both servers, or took too long to read"
    MAYBE_EVICTED = "maybe-evicted", "{keys} differed when seen last, and may have been evicted since"
    WRITERS_UNKNOWN = (
        "writers-unknown",
        "whether others wrote to the server that was left is not known: it could not be read",
    )
    NO_KEY = "no-key", "no key was compared, since neither server has one under the prefix"

    def because(self, **figures: object) -> Reason:
        """The reason, with its figures in their places.

        Raises:
            KeyError: one is missing.
        """
        return Reason(self.text.format(**figures), (self,))
