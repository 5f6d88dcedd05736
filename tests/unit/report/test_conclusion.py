from typing import Any

import pytest
from hypothesis import given

from redis_rehearsal.report.conclusion import conclusion, verdict_line, verdicts_line
from redis_rehearsal.report.judgement import verdict_status
from tests.unit.report.damage import damaged
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document


def failing(lost: int) -> dict[str, Any]:
    made = document("fail", lost="failed")
    next(each for each in made["verdict"]["criteria"] if each["name"] == "lost")["measured"] = lost
    return made


def test_the_verdict_and_why_and_where_the_report_is_stand_in_one_line_where_they_fit() -> None:
    assert conclusion(verdict_line(whole(failing(2678)).verdict), "runs/a/report.html") == (
        "FAIL: lost 2,678 (limit 0) · report: runs/a/report.html"
    )
    assert conclusion(verdict_line(whole(failing(2678)).verdict), "runs/a/report.html", 40) == (
        "FAIL: lost 2,678 (limit 0)\nreport: runs/a/report.html"
    )
    assert conclusion(verdict_line(whole(failing(2678)).verdict), "") == "FAIL: lost 2,678 (limit 0)"


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (document(), "PASS: all 12 criteria passed"),
        (document("fail"), "FAIL: all 12 criteria passed, although the document says FAIL"),
        ({}, "UNKNOWN: no verdict was reached: the run ended before it, or the document is damaged"),
        (document("unknown", recovery="unknown", lost="unknown"), "UNKNOWN: lost; recovery"),
        # What could not be measured is not why it failed.
        (document("fail", recovery="unknown", lost="failed"), "FAIL: lost 0 (limit 0)"),
    ],
)
def test_what_decided_is_named(made: dict[str, Any], line: str) -> None:
    assert verdict_line(whole(made).verdict) == line


def test_a_reason_is_given_and_what_does_not_fit_is_counted() -> None:
    made = document("unknown", **dict.fromkeys(("lost", "stranded", "recovery", "cutover_p99"), "unknown"))
    for each in made["verdict"]["criteria"]:
        each["reason"] = "for a long reason " * 6 if each["status"] == "unknown" else None
    assert verdict_line(whole(made).verdict).startswith("UNKNOWN: lost (for a long reason for")
    assert verdict_line(whole(made).verdict).endswith("; and 3 more")


@given(damaged())
def test_whatever_a_document_holds_there_are_two_lines_at_most(made: dict[str, Any]) -> None:
    lines = conclusion(verdict_line(whole(made).verdict), "runs/a/report.html").splitlines()
    assert 1 <= len(lines) <= 2
    assert lines[0].startswith(f"{verdict_status(whole(made).verdict).upper()}: ")
    assert len(lines[0]) < 400


def test_several_are_told_in_one_line() -> None:
    made = [("copy", "pass"), ("cold", "fail"), ("fallback", "unknown")]
    assert verdicts_line(made, "pass") == "PASS: copy passed; cold failed; fallback unknown"
    assert verdicts_line([("cold", "fail"), ("observe", "fail")], "fail") == "FAIL: cold, observe failed"
    assert verdicts_line([], "unknown") == "UNKNOWN: nothing was rehearsed"
