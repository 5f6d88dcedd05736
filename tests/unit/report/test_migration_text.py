""""""

from typing import Any

import pytest
from hypothesis import given

from redis_rehearsal.document.base import as_json
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.facts import is_rehearsal
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.migration_markdown import render_markdown
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.report.summary import summary
from tests.unit.report.damage import damaged
from tests.unit.report.made import view, whole
from tests.unit.report.made_migration import document


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_figure_is_there() -> None:
    text = flat(render_text(whole(document())))
    for shown in (
        "Rehearsal of replicate: redis 6.2.14 to valkey 9.1.2",
        "run 20261123-100000",
        "freeze client; writes were held for 43 ms",
        "rollout at once",
        "source redis 6.2.14 at 127.0.0.1:41001",
        "target valkey 9.1.2 at 127.0.0.1:41002",
        "10,000 queries/s and 1,000 events/s asked for; 100.0 and 8.0 ok, over 10 s",
        "migration done, in phase recovery",
        "reads from target, writes to target",
        "Verdict: PASS",
        "All 12 criteria passed.",
        "The target has 3 replicas of its own.",
        "phase s queries/s p50 ms p99 p99.9 hit % failed db q/s",
        "baseline 15.0 9,988 0.46 2.16 12.34 95.10 17 438.2",
        "prepare 0.4 9,988 0.46 - 12.34 - 17 438.2",
        "cutover 0.1 9,988 0.46 47.40 12.34 94.31 17 438.2",
        "- stands for not measured.",
        "queries 12.3 ms 24.6 ms",
        "events 7.4 ms to 47.4 ms 1.25 s",
        "queries, before the cutover 0 s 0 s",
        "events, before the cutover 2.5 s, unfinished 2.5 s",
        "all 3 s p50 0 s p99 3 s p99 of events 1 s misses 2 s database queries 1 s failed not measured",
        "acknowledged 75,012",
        "unknown 21",
        "redirected 33",
        "lost 0 (at most 21)",
        "duplicated 2 stranded 5 (at most: not measured)",
        "4 counters could not be compared.",
        "rehearsal:events:12:page_view:1795000 6 7 8",
        "migration - - passed",
        "lost 0 0 passed",
        "failed_queries 0.01% 0.002% passed",
        "query_downtime 250 ms 12.3 ms passed",
        "recovery 60 s 3 s passed",
        "replicate 10:00:15.123 1.234 done the link to 127.0.0.1:41001",
        "promote 10:00:16.400 0.002 done",
    ):
        assert shown in text, shown
    assert "what to do" not in text


def test_no_line_is_wider_than_the_terminal() -> None:
    for text in (
        render_text(whole(document())),
        render_text(whole(document("fail", lost="failed", recovery="unknown"))),
    ):
        assert max(len(line) for line in text.splitlines()) <= 80
    assert max(len(line) for line in render_text(whole(document()), 60).splitlines()) <= 60


def test_a_row_of_a_slow_phase_is_one_line() -> None:
    made = document()
    made["phases"][4] |= {"name": "rolled-back", "duration_seconds": 1234.5, "database_queries_per_second": 12345.6}
    quantiles = made["phases"][4]["latency"]["queries"]["response_seconds"]
    quantiles |= {"p50": 0.99123, "p99": 12.3456, "p999": 12.3456}
    row = "rolled-back 1,234 9,988 991.23 12,346 12,346 95.07 17 12,346"
    assert row in [flat(line) for line in render_text(whole(made)).splitlines()]


def test_the_width_is_that_of_a_terminal_whatever_this_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render_text(whole(document()))
    for name, value in (("COLUMNS", "30"), ("FORCE_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert render_text(whole(document())) == expected
    assert "\x1b" not in expected


def test_a_failed_criterion_says_why_and_what_to_do() -> None:
    made = document("fail", lost="failed", recovery="unknown")
    made["migration"]["strategy"] = "cold"
    for each in made["verdict"]["criteria"]:
        if each["name"] == "lost":
            each.update(measured=4211, reason="The target began at zero")
    text = flat(render_text(whole(made)))
    assert "Verdict: FAIL 1 of 12 criteria failed: lost (4,211, limit 0)." in text
    assert "lost failed The target began at zero. To do: cold copies nothing: use replicate or copy." in text
    assert "recovery unknown It could not be measured. To do: see what docs/reading-the-verdict.md says" in text


def test_a_migration_that_failed_says_why() -> None:
    made = document("fail", migration="failed")
    made["migration"].update(status="failed", phase="failed", reason="The target holds 3 keys.")
    made["verdict"]["criteria"][0]["reason"] = "The target holds 3 keys."
    text = flat(render_text(whole(made)))
    assert "migration failed, in phase failed: The target holds 3 keys." in text
    assert "1 of 12 criteria failed: migration (The target holds 3 keys)." in text


def test_an_unknown_verdict_names_what_was_not_measured() -> None:
    made = document("unknown", recovery="unknown", cutover_p99="unknown")
    made["generator"]["saturated"] = True
    text = flat(render_text(whole(made)))
    assert "Verdict: UNKNOWN 2 of 12 criteria could not be measured: cutover_p99, recovery." in text
    assert "lower the rates, or add WORKERS" in text
    assert "do not trust these latencies" in text


def test_a_generator_that_was_the_bottleneck_only_before_the_baseline_spoils_nothing() -> None:
    made = document()
    made["generator"]["saturated"] = True
    made["impact"] = {"generator_saturated": False}
    assert "bottleneck" not in flat(render_text(whole(made)))
    made["generator"]["saturated"] = False
    made["impact"] = {"generator_saturated": True}
    assert "do not trust these latencies" in flat(render_text(whole(made)))


def test_a_verdict_that_its_criteria_do_not_bear_out_says_so() -> None:
    assert "failed, although the document says PASS" in flat(render_text(whole(document("pass", lost="failed"))))
    assert "although the document says PASS" in flat(render_text(whole(document("pass", lost="unknown"))))
    assert "All 12 criteria passed, although the document says FAIL" in flat(render_text(whole(document("fail"))))


def test_no_verdict_is_unknown() -> None:
    made = document()
    made["verdict"] = None
    assert "Verdict: UNKNOWN No verdict was reached" in flat(render_text(whole(made)))


def test_a_measured_figure_never_looks_like_a_limit_that_it_exceeds() -> None:
    made = document("fail", event_downtime="failed")
    for each in made["verdict"]["criteria"]:
        if each["name"] == "event_downtime":
            each["measured"] = 0.25000001
    text = flat(render_text(whole(made)))
    assert "event_downtime 250 ms 250.00001 ms failed" in text


def test_a_run_without_a_migration_is_summed_up() -> None:
    made = as_json(make_document(view()))
    made |= {"migration": None, "verdict": None}
    assert flat(render_text(whole(made))) == flat(summary(whole(made)))
    assert max(len(line) for line in render_text(whole(made)).splitlines()) <= 80


@given(damaged())
def test_damage_is_not_measured_and_never_an_error(made: dict[str, Any]) -> None:
    text, markdown = render_text(whole(made)), render_markdown(whole(made))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text + markdown
    assert (text + markdown).encode()
    if is_rehearsal(whole(made)):
        # A verdict that is still there is shown; one that is not is unknown, never a pass.
        verdict = made.get("verdict")
        kept = verdict.get("status") if isinstance(verdict, dict) else None
        expected = kept if kept in ("pass", "fail") else "unknown"
        assert verdict_status(whole(made).verdict) == expected
        assert f"\nVerdict: {expected.upper()}\n" in text
        assert markdown.startswith(f"## {expected.upper()}: ")


@given(damaged())
def test_a_damaged_run_without_a_migration_is_summed_up(made: dict[str, Any]) -> None:
    made |= {"migration": None, "verdict": None}
    assert max(len(line) for line in render_text(whole(made)).splitlines()) <= 80
    assert render_markdown(whole(made)).encode()


@pytest.mark.parametrize("made", [{}, [], None, "text", {"migration": {}}, {"verdict": {"status": "pass"}}])
def test_next_to_nothing_is_rendered_too(made: Any) -> None:
    assert render_text(whole(made))
    assert render_markdown(whole(made))
