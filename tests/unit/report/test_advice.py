import pytest

from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, SATURATED, WORKER_LOST
from redis_rehearsal.report.advice import advise
from redis_rehearsal.verification.recovery import SHORT_BASELINE
from tests.unit.report.made_migration import criteria

NAMES = [*(each["name"] for each in criteria()), "structures", "comparison"]
STRATEGIES = ("cold", "replicate", "copy", "dual-write", "fallback", "external", "observe", "not measured")


@pytest.mark.parametrize("name", NAMES)
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
