from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.document.base import as_json
from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.status import RunStatus
from redis_rehearsal.document.verdict import Criterion, Downtime, Verdict
from redis_rehearsal.report.document import make_document
from tests.unit.report.made import view
from tests.unit.report.made_migration import document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(JSON)
def test_whatever_it_is_it_can_be_read(value: Any) -> None:
    for kind in (RunDocument, RunStatus, Migration):
        assert read(kind, value) == read(kind, as_json(read(kind, value)))


def test_what_was_written_is_read_as_it_was() -> None:
    made = make_document(view())
    assert as_json(read(RunDocument, as_json(made))) == as_json(made)
    assert as_json(read(RunDocument, document())) == document()


def test_what_is_not_there_or_is_something_else_is_none() -> None:
    found = read(Criterion, {"name": 7, "limit": True, "measured": "1", "status": "great", "causes": [3, "x"]})
    assert (found.name, found.limit, found.measured, found.status, found.unit) == (None,) * 5
    assert list(found.causes) == [None, "x"]
    assert read(Criterion, {"measured": 1e300}).measured is None
    assert read(Criterion, {"measured": float("nan")}).measured is None
    assert read(Downtime, {"windows": None}).windows is None
    assert read(Downtime, {"windows": 3}).windows == []
    assert read(Downtime, {"windows_found": 3.5}).windows_found is None
    assert read(Downtime, {"windows_found": 3.0}).windows_found == 3
    (window,) = read(Downtime, {"windows": [{"from": "then", "seconds": 2}]}).windows or ()
    assert (window.from_, window.seconds) == ("then", 2.0)


def test_a_part_that_is_damaged_or_empty_is_none_where_there_need_be_none_and_else_empty() -> None:
    damaged: tuple[Any, ...] = ({}, [], "x", 7, None)
    for damage in damaged:
        found = read(RunDocument, {"verdict": damage, "ledger": damage})
        assert found.verdict is None
        assert found.ledger.lost is None
    verdict = read(RunDocument, {"verdict": {"criteria": [7, {"name": "lost"}]}}).verdict
    assert isinstance(verdict, Verdict)
    assert [each.name for each in verdict.criteria] == [None, "lost"]
