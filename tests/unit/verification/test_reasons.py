"""That nothing is unknown for a reason of which nobody knows what it comes from: what the code itself says of that."""

import ast
import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import redis_rehearsal
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason

ROOT = Path(redis_rehearsal.__file__).parent
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}
REASONS, VERDICT = "verification/reasons.py", "verification/verdict.py"


def named(node: ast.AST) -> str:
    """`Class.attribute`, or a name; empty for all else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def nodes(*but: str) -> Iterator[ast.AST]:
    for name, tree in TREES.items():
        if name not in but:
            yield from ast.walk(tree)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_comes_to_pass_somewhere_and_is_given_the_figures_of_its_text(cause: Cause) -> None:
    assert any(named(node) == f"Cause.{cause.name}" for node in nodes(REASONS, "report/advice.py"))
    wanted = {field for _, field, *_ in Formatter().parse(cause.text) if field}
    for node in nodes(REASONS):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "because"
            and named(node.func.value) == f"Cause.{cause.name}"
        ):
            assert {each.arg for each in node.keywords} == wanted


def test_a_reason_is_made_of_a_cause_and_what_is_unknown_of_a_reason() -> None:
    calls = [node for node in nodes(REASONS) if isinstance(node, ast.Call)]
    assert not [node for node in calls if named(node.func) == "Reason"]
    assert any(named(node) == "Status.UNKNOWN" for node in ast.walk(TREES[VERDICT]))
    assert not [node for node in nodes(VERDICT) if named(node) == "Status.UNKNOWN"]


def test_what_is_made_of_reasons_keeps_their_causes() -> None:
    stalled, rare = Cause.GENERATOR_STALLED.because(), Cause.TOO_RARE.because()
    more = stalled.detailed("at least 0.100 s")
    assert more == "the generator itself stood still meanwhile: at least 0.100 s"
    both = Reason.joined([NO_REASON, more, rare, more]).under("why")
    assert both == f"why: {more}; {rare}; {more}"
    assert both.causes == (Cause.GENERATOR_STALLED, Cause.TOO_RARE)
    assert (bool(NO_REASON), Reason.joined([]).causes) == (False, ())
    for same in (copy.deepcopy(both), pickle.loads(pickle.dumps(both))):  # noqa: S301 # it was made here
        assert (same, same.causes) == (both, both.causes)


def test_figures_stand_in_the_text() -> None:
    assert Cause.UNANSWERED.because(count=1_234) == "1,234 more had no answer when it was judged"
    assert Cause.RUN_BROKE.because(sentence="{count}") == "{count}"
    with pytest.raises(KeyError):
        Cause.UNANSWERED.because()
