"""The verdict as JUnit XML, as systems for CI read it: a test suite for each strategy, a test case for each criterion.

The elements and attributes are those that Jenkins' schema and its like allow (testsuites, testsuite, properties,
testcase, failure, error, system-out).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.verdict import Criterion
from redis_rehearsal.report.advice import Seen, advise, causes_of
from redis_rehearsal.report.facts import migration_of, server_line
from redis_rehearsal.report.judgement import (
    criterion_status,
    limit_and_measured,
    verdict_sentence,
    verdict_status,
)
from redis_rehearsal.report.reading import NONE, words

_VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A strategy and what came of it.

    Attributes:
        strategy: its name.
        document: of the run; None where it left none.
        trouble: why there is no verdict, or why it is not to be relied on; empty where nothing broke.
    """

    strategy: str
    document: RunDocument | None = None
    trouble: str = ""


@dataclass(slots=True)
class _Case:
    name: str
    text: str = ""
    kind: str = ""
    """`failure` or `error`; empty where it passed."""
    message: str = ""


@dataclass(slots=True)
class _Suite:
    rehearsed: Rehearsed
    cases: list[_Case] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(case.kind == kind for case in self.cases)


def render_junit(each: Sequence[Rehearsed]) -> str:
    """One XML document.

    A criterion that failed is a failure. One that is unknown is an error, since what is not proven must not pass. Where
    no verdict came about, or the criteria do not bear it out, one more case is an error or a failure.

    Args:
        each: what was rehearsed, in this order.
    """
    suites = [_suite(replace(one, strategy=words(one.strategy, "none"))) for one in each]
    root = Element("testsuites", {"name": "redis-rehearsal", **_counts(suites)})
    for suite in suites:
        rehearsed = suite.rehearsed
        element = SubElement(root, "testsuite", {"name": rehearsed.strategy, **_counts([suite]), **_times(rehearsed)})
        properties = SubElement(element, "properties")
        document = rehearsed.document
        for role, server in (
            (("source", document.servers.source), ("target", document.servers.target)) if document else ()
        ):
            if server is not None:
                SubElement(properties, "property", name=role, value=server_line(server, role))
        for case in suite.cases:
            of_case = SubElement(
                element, "testcase", classname=f"redis-rehearsal.{rehearsed.strategy}", name=case.name, time="0"
            )
            if case.kind:
                kind = SubElement(of_case, case.kind, type=case.kind, message=case.message)
                kind.text = case.text or None
            elif case.text:
                SubElement(of_case, "system-out").text = case.text
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _counts(suites: Sequence[_Suite]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(suite.count("failure") for suite in suites)),
        "errors": str(sum(suite.count("error") for suite in suites)),
    }


def _times(rehearsed: Rehearsed) -> dict[str, str]:
    phases = rehearsed.document.phases if rehearsed.document else ()
    found = {"time": f"{sum(phase.duration_seconds or 0.0 for phase in phases):.3f}"}
    started = words(phases[0].started_at, "") if phases else ""
    if started:
        # The attribute has no time zone; it is UTC.
        found["timestamp"] = started.partition(".")[0].removesuffix("Z")
    return found


def _suite(rehearsed: Rehearsed) -> _Suite:
    document = rehearsed.document
    suite = _Suite(rehearsed)
    verdict = document.verdict if document else None
    status = verdict_status(verdict)
    if document and verdict:
        suite.cases += [_case(document, criterion) for criterion in verdict.criteria]
    worst = "fail" if suite.count("failure") else "unknown" if suite.count("error") or not suite.cases else "pass"
    if rehearsed.trouble:
        suite.cases.append(_Case(_VERDICT, kind="error", message=words(rehearsed.trouble)))
    elif not suite.cases or worst != status:
        kind = "failure" if status == "fail" else "error"
        suite.cases.append(_Case(_VERDICT, kind=kind, message=verdict_sentence(verdict)))
    return suite


def _case(document: RunDocument, criterion: Criterion) -> _Case:
    name, status = words(criterion.name), criterion_status(criterion)
    limit, measured = limit_and_measured(criterion)
    figures = "" if measured == NONE else f"measured {measured}, limit {limit}"
    if status == "passed":
        return _Case(name, figures)
    migration = migration_of(document)
    strategy, freeze, seen = words(migration.strategy), words(migration.freeze), Seen.of(document)
    to_do = advise(name, status, strategy, freeze, causes_of(criterion), seen)
    why = words(criterion.reason, "") or figures or "it could not be measured"
    if status == "failed":
        message = figures or why
        return _Case(name, f"{why}\nTo do: {to_do}", "failure", f"{name}: {message}")
    return _Case(name, f"{figures or why}\nTo do: {to_do}", "error", f"{name} is unknown: {why}")
