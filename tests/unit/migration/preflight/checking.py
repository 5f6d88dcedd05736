"""What tests of the checks need."""

from redis_rehearsal.migration.preflight.checks import judge
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import Finding
from tests.unit.migration.preflight.made import PLAN, source, target


def found(name: str, old: Facts | None = None, new: Facts | None = None, plan: Plan = PLAN) -> list[Finding]:
    """What the check of a name came to, but for what is ok."""
    findings = [each for each in judge(old or source(), new or target(), plan) if each.name == name]
    assert findings, f"there is no check {name}"
    for each in findings:
        assert each.sentence[0].isupper() or each.sentence[0] in "`-0123456789"
        assert each.sentence.endswith(".")
        assert bool(each.blocks) is (each.level == "blocker")
        assert bool(each.advice) is (each.level != "ok")
    return [each for each in findings if each.level != "ok"]


def one(name: str, old: Facts | None = None, new: Facts | None = None, plan: Plan = PLAN) -> Finding:
    (finding,) = found(name, old, new, plan)
    return finding
