"""What a command says last: the verdict, why, and where the report is, in three lines at most."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.document.verdict import Criterion, Verdict
from redis_rehearsal.report.judgement import criterion_status, limit_and_measured, verdict_sentence, verdict_status
from redis_rehearsal.report.reading import NONE, words

_MOST_COLUMNS: Final = 240
"""Of the first two lines together: what is longer would be more than three in a terminal of 80 columns."""
_BETWEEN: Final = " · "


def verdict_line(verdict: Verdict | None) -> str:
    """The verdict and what decided it, as in `FAIL: lost 2,678 (limit 0)`; criteria that do not fit are counted."""
    status = verdict_status(verdict)
    criteria = verdict.criteria if verdict else ()
    failed = [_named(each) for each in criteria if criterion_status(each) == "failed"]
    unknown = [_named(each) for each in criteria if criterion_status(each) == "unknown"]
    decided = failed if status == "fail" else unknown if status == "unknown" else []
    borne_out = status == ("fail" if failed else "unknown" if unknown or not criteria else "pass")
    if not borne_out or not decided:
        return f"{status.upper()}: {_lower(verdict_sentence(verdict))}"
    shown = [decided[0][:_MOST_COLUMNS]]
    for place, each in enumerate(decided[1:], 1):
        more = f"; and {len(decided) - place} more"
        if len("; ".join([*shown, each])) + len(more) > _MOST_COLUMNS:
            shown.append(more.removeprefix("; "))
            break
        shown.append(each)
    return f"{status.upper()}: {'; '.join(shown)}"


def verdicts_line(verdicts: Sequence[tuple[str, str]], status: str) -> str:
    """Which strategies passed, failed or are unknown, as in `PASS: copy passed; cold failed`.

    Args:
        verdicts: strategies, each with the status of its verdict.
        status: of all of them together.
    """
    told = []
    for found, said in (("pass", "passed"), ("fail", "failed"), ("unknown", "unknown")):
        names = [name for name, each in verdicts if each == found]
        if names:
            told.append(f"{', '.join(names)} {said}")
    return f"{status.upper()}: {'; '.join(told) or 'nothing was rehearsed'}"


def conclusion(line: str, report: str, columns: int = 80) -> str:
    """The verdict, why, and where the report is: in one line where that fits, else in two.

    Args:
        line: of the verdict, or of several.
        report: its path; empty where none was written.
        columns: of the terminal.
    """
    if not report:
        return line
    joined = f"{line}{_BETWEEN}report: {report}"
    return joined if len(joined) <= columns else f"{line}\nreport: {report}"


def _named(criterion: Criterion) -> str:
    limit, measured = limit_and_measured(criterion)
    name, reason = words(criterion.name), words(criterion.reason, "").rstrip(".")
    if criterion_status(criterion) == "failed" and measured != NONE:
        return f"{name} {measured} (limit {limit})"
    return f"{name} ({reason})" if reason else name


def _lower(sentence: str) -> str:
    text = sentence.rstrip(".")
    return text[:1].lower() + text[1:]
