import pytest

from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, SATURATED, WORKER_LOST
from redis_rehearsal.report.advice import Seen, advise
from redis_rehearsal.report.migration_document import verdict_document
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.verification.criterion_names import CRITERIA
from redis_rehearsal.verification.recovery import SHORT_BASELINE
from redis_rehearsal.verification.verdict import at_most, judge
from tests.unit.report.made_migration import criteria, document

STRATEGIES = ("cold", "replicate", "copy", "dual-write", "fallback", "external", "observe", "not measured")


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize("status", ["failed", "unknown"])
def test_every_criterion_has_advice_of_its_own(name: str, status: str) -> None:
    nothing = advise("no such criterion", status, "cold", "client")
    for strategy in STRATEGIES:
        for freeze in ("client", "server", "none"):
            assert advise(name, status, strategy, freeze) != nothing


def test_a_missing_freeze_explains_what_a_copy_lost() -> None:
    assert "--freeze client" in advise("lost", "failed", "replicate", "none")
    assert "--freeze client" not in advise("lost", "failed", "replicate", "client")
    assert "cold copies nothing" in advise("lost", "failed", "cold", "none")


def test_what_made_it_unknown_says_what_to_do() -> None:
    for name in ("query_downtime", "cutover_p99", "recovery"):
        assert "lower the rates" in advise(name, "unknown", "copy", "client", SATURATED)
        assert "rehearse again" in advise(name, "unknown", "copy", "client", WORKER_LOST)
        assert "why the migration" in advise(name, "unknown", "copy", "client", NO_CUTOVER)
        assert "--baseline" in advise(name, "unknown", "copy", "client", SHORT_BASELINE)
        assert "lower the rates" not in advise(name, "unknown", "copy", "client", "the baseline was too short")


def test_the_generator_is_named() -> None:
    assert "WORKERS" in advise("generator", "unknown", "replicate", "client")


def test_the_made_document_has_criteria_as_real_ones_are() -> None:
    real = verdict_document(judge([at_most("lost", 0, 1.0, "count")]))
    assert real is not None
    for each in criteria():
        assert each["name"] in CRITERIA
        assert each.keys() == real["criteria"][0].keys()


def test_what_happened_to_a_server_explains_more_than_the_strategy() -> None:
    restarted = Seen(restarted=("target",))
    for name in ("lost", "structures", "comparison", "event_downtime", "failed_events"):
        assert "why the target was started anew" in advise(name, "failed", "copy", "client", "", restarted)
    assert "appendonly" in advise("lost", "failed", "copy", "client", "", restarted)
    assert "appendonly" not in advise("event_downtime", "failed", "copy", "client", "", restarted)
    evicted = Seen(evicted={"target": 1234})
    assert "the target evicted 1,234 keys" in advise("lost", "failed", "copy", "client", "", evicted)
    assert "evicted" not in advise("duplicated", "failed", "copy", "client", "", evicted)
    assert "evicted" not in advise("failed_events", "failed", "copy", "client", "", evicted)
    # What the generator did comes first.
    assert "lower the rates" in advise("event_downtime", "unknown", "copy", "client", SATURATED, restarted)


def test_a_final_pass_is_advised_only_where_there_was_none() -> None:
    assert "--no-final-pass" in advise("lost", "failed", "copy", "client", "", Seen(final_pass=False))
    for seen in (Seen(final_pass=True), Seen()):
        assert "final pass must follow" not in advise("lost", "failed", "copy", "client", "", seen)
        assert "--no-final-pass" not in advise("lost", "failed", "copy", "client", "", seen)


def test_what_happened_is_read_from_the_document() -> None:
    made = document("fail", lost="failed")
    made["servers"]["target"] |= {"restarts": 1, "evicted_keys": 0}
    made["servers"]["source"] |= {"restarts": 0, "evicted_keys": 7}
    assert Seen.of(made) == Seen(("target",), {"source": 7})
    assert "why the target was started anew" in " ".join(render_text(made).split())
    made["migration"] |= {"strategy": "copy", "steps": [{"name": "freeze"}, {"name": "final pass"}]}
    assert Seen.of(made).final_pass is True
    made["migration"]["steps"].pop()
    assert Seen.of(made).final_pass is False
    assert Seen.of({"servers": 3, "migration": {"steps": 7}}) == Seen()
