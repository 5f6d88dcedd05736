import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.junit import Rehearsed, render_junit
from tests.unit.report.damage import damaged
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document

ATTRIBUTES = {
    # What the schema of Jenkins' xUnit plugin allows, which is the strictest in use, and what is required.
    "testsuites": ({"name", "tests", "failures", "errors", "time", "disabled"}, set()),
    "testsuite": ({"name", "tests", "failures", "errors", "time", "timestamp", "skipped", "disabled"}, {"name"}),
    "properties": (set(), set()),
    "property": ({"name", "value"}, {"name", "value"}),
    "testcase": ({"name", "classname", "time", "status", "assertions"}, {"name"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "system-out"},
}


def check(text: str) -> ET.Element:
    """See that a document is well-formed and has nothing that a reader does not know."""
    root = ET.fromstring(text.encode())  # noqa: S314 # our own
    assert root.tag == "testsuites"
    for element in root.iter():
        allowed, required = ATTRIBUTES[element.tag]
        assert required <= element.attrib.keys() <= allowed
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    return root


def suites(*each: Rehearsed) -> list[Any]:
    text = render_junit(each)
    check(text)
    return list(JUnitXml.fromstring(text.encode()))


def test_each_criterion_is_a_case_and_each_strategy_a_suite() -> None:
    passed, failed = document(), document("fail", lost="failed", recovery="unknown")
    found = suites(Rehearsed("copy", whole(passed)), Rehearsed("cold", whole(failed)))
    assert [(suite.name, suite.tests, suite.failures, suite.errors) for suite in found] == [
        ("copy", 12, 0, 0),
        ("cold", 12, 1, 1),
    ]
    cases = {case.name: case for case in found[1]}
    assert [type(each).__name__ for each in cases["lost"].result] == ["Failure"]
    assert cases["lost"].result[0].message == "lost: measured 0, limit 0"
    assert "\nTo do: compare the worst counters" in cases["lost"].result[0].text
    assert [type(each).__name__ for each in cases["recovery"].result] == ["Error"]
    assert cases["recovery"].result[0].message.startswith("recovery is unknown: ")
    assert cases["cutover_p99"].result == []
    assert cases["cutover_p99"].system_out == "measured 7.1 ms, limit 50 ms"
    assert cases["lost"].classname == "redis-rehearsal.cold"
    assert found[0].timestamp == "2026-11-23T10:00:00"


def test_without_a_verdict_there_is_one_error_with_the_reason() -> None:
    found = suites(Rehearsed("copy", trouble="The target 127.0.0.1:1 cannot be reached: is it running? <&>"))
    (case,) = found[0]
    assert (case.name, found[0].errors) == ("verdict", 1)
    assert case.result[0].message.endswith("is it running? <&>")


@pytest.mark.parametrize(("status", "counted"), [("fail", (1, 0)), ("unknown", (0, 1))])
def test_a_verdict_that_its_criteria_do_not_bear_out_does_not_pass(status: str, counted: tuple[int, int]) -> None:
    (suite,) = suites(Rehearsed("copy", whole(document(status))))
    assert (suite.failures, suite.errors) == counted
    assert [case.name for case in suite if case.result] == ["verdict"]


def test_a_run_that_broke_does_not_pass_whatever_its_document_says() -> None:
    (suite,) = suites(Rehearsed("copy", whole(document()), "a server that is needed was away for good"))
    assert (suite.failures, suite.errors) == (0, 1)


@given(damaged())
def test_a_damaged_document_is_told_in_valid_xml_and_passes_only_where_it_says_so(made: dict[str, Any]) -> None:
    (suite,) = suites(Rehearsed("copy", whole(made)))
    assert suite.tests
    if not suite.failures and not suite.errors:
        assert verdict_status(whole(made).verdict) == "pass"


@given(st.text(), st.text())
def test_whatever_is_said_is_valid_xml(strategy: str, trouble: str) -> None:
    check(render_junit([Rehearsed(strategy, None, trouble)]))
