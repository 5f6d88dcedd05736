import re
from dataclasses import replace

import pytest

from redis_rehearsal.document.base import as_json
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.verdict import Criterion
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.options import LoadChange, MigrationOptions
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.report.advice import Seen, advise, causes_of
from redis_rehearsal.report.facts import Table, sections
from redis_rehearsal.report.migration_document import verdict_document
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import at_most, judge
from tests.unit.migration.assessment.made_evidence import EVIDENCE, phased
from tests.unit.migration.assessment.made_reasons import UNREADABLE
from tests.unit.report.made import whole
from tests.unit.report.made_migration import criteria, document

NAMES = (*STRATEGIES, "not measured")


NOTHING_SAID = advise("no such criterion", "unknown", "cold", "client")
TO_DO = {
    Cause.GENERATOR_SATURATED: "leave the machine to the rehearsal",
    Cause.GENERATOR_STALLED: "a machine that does nothing else, or lower the rates",
    Cause.BASELINE_STALLED: "a machine that does nothing else, or lower the rates",
    Cause.BASELINE_ALL_STALLED: "a machine that does nothing else, or lower the rates",
    Cause.WORKER_LOST: "why a worker ended",
    Cause.NO_BASELINE: "--baseline",
    Cause.BASELINE_SHORT: "--baseline",
    Cause.BASELINE_DOWN: "a quieter machine",
    Cause.BASELINE_SLOW: "a quieter machine",
    Cause.NONE_DUE: "-per-second",
    Cause.NONE_ANSWERED: "`failed_",
    Cause.TOO_RARE: "raise --",
    Cause.NO_REPORT_CHECKED: "VALIDATION_SAMPLE_RATE=1",
    Cause.NO_COUNTER_CHECKED: "--query-mix",
    Cause.UNANSWERED: "--observe",
    Cause.STILL_DOWN: "--observe",
    Cause.NOT_RECOVERED: "until it is known",
    Cause.LOAD_CHANGED: "leave the load as it is",
    Cause.ENDED_EARLY: "--duration",
    Cause.UNDER_WAY: "once the migration has ended",
    Cause.COMPARED_LATER: "once the migration has ended",
    Cause.COUNTED_LATER: "once the migration has ended",
    Cause.NO_CUTOVER: "the criterion `migration`",
    Cause.RUN_BROKE: "mend what broke",
    Cause.JUDGE_BROKE: "mend the package that it is from",
    Cause.NOTHING_MOVED: "move while the rehearsal watches",
    Cause.SERVER_NAMELESS: "+info",
    Cause.SERVERS_MIXED: "one server answers at a time",
    Cause.MOVED_AGAIN: "move once only",
    Cause.COUNTERS_UNREAD: "can be read until the run has ended",
    Cause.COUNTERS_NOT_COMPARED: "from the first write on",
    Cause.OUTCOME_UNKNOWN: "kept replies back",
    Cause.ELEMENTS_FORGOTTEN: "--events-per-second",
    Cause.SERVERS_UNREAD: "can be read until the run has ended",
    Cause.SWITCHED: "until the comparison is over",
    Cause.TYPES_UNREADABLE: "the commands of these types",
    Cause.DELETIONS_UNKNOWN: "took no more event rows",
    Cause.TWO_WRITERS: "who else writes on the server that was left",
    Cause.KEPT_CHANGING: "who else writes under the prefix",
    Cause.MAYBE_EVICTED: "maxmemory",
    Cause.WRITERS_UNKNOWN: "the server that was left be there",
    Cause.NO_KEY: "KEY_PREFIX",
}


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_that_failed_has_advice_of_its_own(name: str) -> None:
    for strategy in NAMES:
        for freeze in ("client", "server", "none"):
            assert advise(name, "failed", strategy, freeze) != NOTHING_SAID


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_advice_that_is_right_for_it_whichever_criterion_it_is(cause: Cause) -> None:
    for name in CRITERIA:
        for strategy in NAMES:
            said = advise(name, "unknown", strategy, "client", (cause,))
            assert TO_DO[cause] in said
            assert "{" not in said


@pytest.mark.parametrize("cause", Cause)
def test_what_is_advised_can_be_typed(cause: Cause) -> None:
    flags = {*Settings.model_fields, *MigrationOptions.model_fields, *LoadChange.model_fields, "duration"}
    for name, declared in CRITERIA.items():
        said = advise(name, "unknown", "copy", "client", (cause,))
        told = {each.replace("-", "_") for each in re.findall(r"--([a-z0-9][a-z0-9-]*)", said)}
        # There is nothing to allow of some criteria, which are never unknown for what a limit would mend.
        assert told - ({"max_"} if declared.limit_name is None else set()) <= flags
        assert {each.lower() for each in re.findall(r"\b[A-Z]+_[A-Z_]+\b", said)} <= flags | {"redis_url"}


@pytest.mark.parametrize(
    ("name", "cause", "other"),
    [
        ("query_downtime", Cause.TOO_RARE, "raise --queries-per-second, .* limit: --max-query-downtime"),
        ("sync_event_downtime", Cause.TOO_RARE, "raise --events-per-second, .* limit: --max-sync-downtime"),
        ("failed_queries", Cause.NONE_DUE, "drive queries: --queries-per-second"),
        ("failed_events", Cause.NONE_DUE, "drive events: --events-per-second"),
        ("event_cutover_p99", Cause.BASELINE_SLOW, "limit yourself: --max-event-cutover-p99"),
    ],
)
def test_advice_names_the_criterions_own_options(name: str, cause: Cause, other: str) -> None:
    assert re.search(other, advise(name, "unknown", "copy", "client", (cause,)))


@pytest.mark.parametrize(
    ("name", "evidence", "said"),
    [
        ("query_downtime", replace(EVIDENCE, query_gaps=[Gap(20.0, 20.8, ((20.05, 20.8),))]), "does nothing else"),
        ("event_downtime", replace(EVIDENCE, event_gaps=[Gap(99.9, 100.0)]), "--observe"),
        ("query_downtime", replace(EVIDENCE, query_gaps=[Gap(5.0, 6.2)]), "a quieter machine"),
        ("failed_events", phased(CUTOVER=Tally(offered=11, outcomes=[10, 0, 0, 0])), "--observe"),
        ("cutover_p99", replace(EVIDENCE, saturated=True), "in the baseline"),
        ("recovery", replace(EVIDENCE, baseline_seconds=(0.0, 2.0)), "--baseline"),
        (
            "migration",
            replace(EVIDENCE, unattributed=Cause.SERVER_NAMELESS.because(sentence="INFO is refused")),
            "+info",
        ),
        ("comparison", replace(EVIDENCE, comparison=KeyComparison(9, {"value": 0}, unreadable=UNREADABLE)), "modules"),
        ("ttl_drift", replace(EVIDENCE, comparison=KeyComparison(0, {"value": 0})), "KEY_PREFIX"),
    ],
)
def test_what_is_judged_has_the_advice_of_its_cause_in_the_report(name: str, evidence: Evidence, said: str) -> None:
    made = document("unknown")
    judged = verdict_document(assess(evidence).verdict)
    assert judged is not None
    made["verdict"] = as_json(judged)
    (table,) = next(section.blocks for section in sections(whole(made)) if section.name == "advice")
    assert isinstance(table, Table)
    (row,) = [row for row in table.rows if row[0] == f"{name} unknown"]
    assert said in row[1].partition("To do: ")[2]


def test_several_causes_have_the_advice_of_each() -> None:
    said = advise("comparison", "unknown", "copy", "client", (Cause.TWO_WRITERS, Cause.KEPT_CHANGING))
    assert said.startswith("find out who else writes on the server that was left")
    assert "Find out who else writes under the prefix" in said
    once = advise("comparison", "unknown", "copy", "client", (Cause.UNDER_WAY, Cause.COMPARED_LATER))
    assert once == advise("comparison", "unknown", "copy", "client", (Cause.UNDER_WAY,))


def test_where_a_document_does_not_say_the_cause_its_reason_is_pointed_at_and_nothing_is_guessed() -> None:
    for found in ({}, {"causes": None}, {"causes": 3}, {"causes": [7, ["worker-lost"], "no such cause"]}):
        assert causes_of(read(Criterion, found)) == ()
    told = read(Criterion, {"causes": ["worker-lost", "generator-stalled"]})
    assert causes_of(told) == (Cause.GENERATOR_STALLED, Cause.WORKER_LOST)
    for name in CRITERIA:
        assert advise(name, "unknown", "copy", "client", ()) == NOTHING_SAID


def test_a_missing_freeze_explains_what_a_copy_lost() -> None:
    assert "--freeze client" in advise("lost", "failed", "replicate", "none")
    assert "--freeze client" not in advise("lost", "failed", "replicate", "client")
    assert "cold copies nothing" in advise("lost", "failed", "cold", "none")


def test_the_generator_is_named() -> None:
    assert "WORKERS" in advise("generator", "unknown", "replicate", "client")


def test_the_made_document_has_criteria_as_real_ones_are() -> None:
    unmeasured = Cause.COUNTERS_UNREAD.because(error="")
    real = verdict_document(judge([at_most("lost", 0, 1.0, "count", unmeasured=unmeasured, failed="")]))
    assert real is not None
    for each in criteria():
        assert each["name"] in CRITERIA
        assert each.keys() == as_json(real.criteria[0]).keys()


def test_what_happened_to_a_server_explains_more_than_the_strategy() -> None:
    restarted = Seen(restarted=("target",))
    for name in ("lost", "structures", "comparison", "event_downtime", "failed_events"):
        assert "why the target was started anew" in advise(name, "failed", "copy", "client", (), restarted)
    assert "appendonly" in advise("lost", "failed", "copy", "client", (), restarted)
    assert "appendonly" not in advise("event_downtime", "failed", "copy", "client", (), restarted)
    evicted = Seen(evicted={"target": 1234})
    assert "the target evicted 1,234 keys" in advise("lost", "failed", "copy", "client", (), evicted)
    assert "evicted" not in advise("duplicated", "failed", "copy", "client", (), evicted)
    assert "evicted" not in advise("failed_events", "failed", "copy", "client", (), evicted)
    # What the generator did comes first.
    for cause in (Cause.GENERATOR_SATURATED, Cause.GENERATOR_STALLED, Cause.TOO_RARE):
        assert TO_DO[cause] in advise("event_downtime", "unknown", "copy", "client", (cause,), restarted)
    for cause in (Cause.STILL_DOWN, Cause.UNANSWERED):
        assert "started anew" in advise("event_downtime", "unknown", "copy", "client", (cause,), restarted)


def test_a_final_pass_is_advised_only_where_there_was_none() -> None:
    assert "--no-final-pass" in advise("lost", "failed", "copy", "client", (), Seen(final_pass=False))
    for seen in (Seen(final_pass=True), Seen()):
        assert "final pass must follow" not in advise("lost", "failed", "copy", "client", (), seen)
        assert "--no-final-pass" not in advise("lost", "failed", "copy", "client", (), seen)


def test_what_happened_is_read_from_the_document() -> None:
    made = document("fail", lost="failed")
    made["servers"]["target"] |= {"restarts": 1, "evicted_keys": 0}
    made["servers"]["source"] |= {"restarts": 0, "evicted_keys": 7}
    assert Seen.of(whole(made)) == Seen(("target",), {"source": 7})
    assert "why the target was started anew" in " ".join(render_text(whole(made)).split())
    made["migration"] |= {"strategy": "copy", "steps": [{"name": "freeze"}, {"name": "final pass"}]}
    assert Seen.of(whole(made)).final_pass is True
    made["migration"]["steps"].pop()
    assert Seen.of(whole(made)).final_pass is False
    assert Seen.of(whole({"servers": 3, "migration": {"steps": 7}})) == Seen()


@pytest.mark.parametrize("criterion", ["not_carried", "ttl_drift"])
def test_what_happened_to_a_server_explains_nothing_of_what_it_cannot_hold(criterion: str) -> None:
    plain = advise(criterion, "failed", "copy", "client", (), Seen())
    for seen in (Seen(restarted=("source",)), Seen(evicted={"target": 5}), Seen(final_pass=False)):
        assert advise(criterion, "failed", "copy", "client", (), seen) == plain
