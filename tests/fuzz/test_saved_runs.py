"""Documents of runs that were damaged, or written by somebody else: shown as far as they go, or refused."""

import contextlib
import copy
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from redis_rehearsal.cli import app
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.web.app import make_saved_app
from tests.fuzz import many, some
from tests.unit.report.made_migration import document
from tests.unit.web.calling import Caller

ROWS = "second,at,phase,queries_ok,hit_ratio\n0,1795428000.5,baseline,7,0.95\n1,1795428001.5,cutover,,\n"
FORMATS = ("text", "markdown", "json", "html")
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [1e308, -1, 2**63, "", "nan", "<script>alert(1)</script>", "|", "`", "\x1b[2J", "a" * 5_000, "\u202e"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
)
anything: Any = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places_of(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document, by keys and positions."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [so_far] if so_far else []
    for key, inner in items:
        found += places_of(inner, (*so_far, key))
    return found


WHOLE = document("fail", lost="failed", recovery="unknown")
PLACES = places_of(WHOLE)
damages = st.lists(
    st.tuples(st.sampled_from(PLACES), st.one_of(st.tuples(st.just("set"), anything), st.just(("remove", None)))),
    min_size=1,
    max_size=4,
)


def damaged(changes: list[tuple[tuple[Any, ...], tuple[str, Any]]]) -> dict[str, Any]:
    made = copy.deepcopy(WHOLE)
    for place, (what, value) in changes:
        inner: Any = made
        # A part that was changed before may hold nothing of the kind any more.
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for key in place[:-1]:
                inner = inner[key]
            if what == "remove":
                del inner[place[-1]]
            else:
                inner[place[-1]] = value
    return made


def see(arguments: list[str]) -> None:
    """It is shown, or refused in one sentence; nothing is said to be an error of the tool's."""
    errors, output = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        code = app.call(arguments)
        output.flush()
    said, shown = errors.getvalue(), output.buffer.getvalue().decode()
    assert code in (0, 2), said
    if code == 2:
        assert said.count("\n") == 1
        assert shown == ""
    assert "\x1b" not in shown
    assert "<script>alert" not in shown or "--format=json" in arguments


def shown_in_every_way(changes: list[tuple[tuple[Any, ...], tuple[str, Any]]], rows: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        one, other = Path(place) / "one", Path(place) / "other"
        for directory, content in ((one, damaged(changes)), (other, WHOLE)):
            directory.mkdir()
            (directory / "run.json").write_text(json.dumps(content))
            (directory / "timeline.csv").write_bytes(ROWS.encode() + rows)
        for form in FORMATS:
            see(["report", str(one), f"--format={form}"])
            see(["report", str(one), str(other), f"--format={form}"])
        served(make_saved_app(RunData.read(one, damaged(changes)), "a-token-of-tests"))
        assert len(list(Path(place).rglob("*"))) == 6


def served(saved: ASGIApp) -> None:
    """Its page, as `view` serves it."""
    for path in ("/", "/stats", "/api/timeline", "/api/events", "/report.html"):
        answer = Caller(app=saved).call("GET", path)
        assert answer.status == 200
        if path in ("/stats", "/api/timeline"):
            json.loads(answer.text)


def bytes_that_are_no_document(start: int, end: int, raw: bytes) -> None:
    text = json.dumps(WHOLE).encode()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "run.json"
        path.write_bytes(text[:start] + raw + text[start + end :])
        for form in FORMATS:
            see(["report", place, f"--format={form}"])


tails = st.one_of(
    st.just(b""), st.binary(max_size=60), st.sampled_from([b"x,y\n" * 3, b"1,2,3,4,5,6,7,8\n", b'"', b"\0\n"])
)
cuts = (st.integers(0, len(json.dumps(WHOLE))), st.integers(0, 200), st.one_of(st.just(b""), st.binary(max_size=20)))

test_a_damaged_run_is_shown_as_far_as_it_goes = some(given(damages, tails)(shown_in_every_way))
test_what_is_no_document_is_refused = some(given(*cuts)(bytes_that_are_no_document))

test_many_damaged_runs = many(given(damages, tails)(shown_in_every_way))
test_many_that_are_no_document = many(given(*cuts)(bytes_that_are_no_document))
