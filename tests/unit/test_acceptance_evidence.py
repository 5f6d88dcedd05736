"""What the acceptance tests let pass: nothing that a server did, nor what nobody gave a cause for."""

from typing import Any

import pytest

from redis_rehearsal.migration.criteria import CRITERIA, about
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.recovery import MEASURES
from tests.acceptance.evidence import require_fail, require_pass

GENERATOR = ("generator-saturated", "generator-stalled", "baseline-stalled", "baseline-all-stalled")


def document(status: str, measures: dict[str, float | None] | None = None, /, **became: str) -> dict[str, Any]:
    """All criteria, passed but for those named, as `failed` or the causes that they are unknown for."""
    criteria = []
    for name in CRITERIA.keys() - {"run", "structures"}:
        found = became.get(name, "passed")
        unknown = found not in ("passed", "failed")
        each: dict[str, Any] = {"name": name, "limit": 20.0, "status": "unknown" if unknown else found, "reason": ""}
        criteria.append(each | {"causes": found.split() if unknown else []})
    recovery = {"measures": dict.fromkeys(MEASURES, 1.0) | (measures or {})}
    return {"verdict": {"status": status, "criteria": criteria}, "recovery": recovery}


def test_what_passed_in_all_passes() -> None:
    require_pass(document("pass"))
    with pytest.raises(AssertionError):
        require_pass(document("unknown"))
    with pytest.raises(AssertionError):
        require_fail(document("pass"), "lost")


@pytest.mark.parametrize("name", sorted(CRITERIA.keys() - {"run", "structures"}))
@pytest.mark.parametrize("cause", Cause)
def test_only_the_generator_makes_unknown_and_only_what_is_about_time(name: str, cause: Cause) -> None:
    found = document("unknown", **{name: cause})
    if name in about("time") and cause in GENERATOR:
        require_pass(found)
    else:
        with pytest.raises(AssertionError):
            require_pass(found)


@pytest.mark.parametrize("name", sorted(CRITERIA.keys() - {"run", "structures", "recovery"}))
def test_what_failed_does_not_pass(name: str) -> None:
    with pytest.raises(AssertionError):
        require_pass(document("fail", **{name: "failed"}))


def test_what_is_unknown_for_several_causes_or_for_none_does_not_pass() -> None:
    for causes in ("generator-stalled too-rare", " "):
        with pytest.raises(AssertionError):
            require_pass(document("unknown", query_downtime=causes))
    require_pass(document("unknown", query_downtime="generator-stalled generator-saturated"))


@pytest.mark.parametrize(
    ("measures", "passes"),
    [
        ({}, False),
        ({"p99": None}, True),
        ({"event_p99": 21.0, "p50": None}, True),
        ({"p99": 19.0}, False),
        ({"misses": None}, False),
        ({"p99": None, "failed": 30.0}, False),
    ],
)
def test_a_recovery_fails_only_for_latencies_that_are_named(measures: dict[str, float | None], passes: bool) -> None:
    found = document("fail", measures, recovery="failed")
    if passes:
        require_pass(found)
    else:
        with pytest.raises(AssertionError):
            require_pass(found)


@pytest.mark.parametrize(
    ("named", "passes"), [("p99, event_p99", True), ("p99, misses", False), ("all at once", False), ("", False)]
)
def test_where_a_document_has_no_measures_its_reason_names_them(named: str, passes: bool) -> None:
    found = document("fail", recovery="failed")
    del found["recovery"]
    (recovery,) = (each for each in found["verdict"]["criteria"] if each["name"] == "recovery")
    why = Cause.NOT_RECOVERED.because(measures=named) if named else ""
    recovery["reason"] = f"it took too long until all was as in the baseline ({why})"
    if passes:
        require_pass(found)
    else:
        with pytest.raises(AssertionError):
            require_pass(found)


def test_a_naive_way_fails_in_what_it_is_known_for_and_in_no_other_data() -> None:
    require_fail(document("fail", lost="failed", cutover_p99="failed"), "lost")
    require_fail(document("fail", lost="failed", comparison="failed"), "lost", "comparison")
    require_fail(document("fail", lost="failed", recovery="generator-stalled"), "lost")
    for found in (document("fail", lost="failed"), document("fail", lost="failed", wrong_reports="failed")):
        require_fail(found, "lost", perhaps=("wrong_reports",))
    with pytest.raises(AssertionError):
        require_fail(document("fail", lost="failed", wrong_reports="worker-lost"), "lost", perhaps=("wrong_reports",))
    for found in (
        document("fail", lost="failed", comparison="failed"),
        document("fail", duplicated="failed"),
        document("fail", lost="failed", duplicated="outcome-unknown"),
        document("fail", lost="failed", migration="failed"),
        document("unknown", lost="failed"),
    ):
        with pytest.raises(AssertionError):
            require_fail(found, "lost")
