from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.report.encoding import UNENCODABLE, encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_what_json_holds_is_written_as_it_is(document: dict[str, Any]) -> None:
    assert orjson.loads(encode(document)) == orjson.loads(orjson.dumps(document))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (10**30, str(10**30)),
        (10**5000, "a value of the type int"),
        ("caf\udce9", "caf?"),
        (b"bytes", "b'bytes'"),
        (object, "<class 'object'>"),
    ],
    ids=["a large number", "one without a text", "no character", "bytes", "a class"],
)
def test_what_it_cannot_hold_is_replaced_and_named(value: Any, written: str) -> None:
    found = orjson.loads(encode({"one": [1, {"two": value}], "three": 3}))
    assert found == {"one": [1, {"two": written}], "three": 3, UNENCODABLE: ["one[1].two"]}
    assert orjson.loads(encode([value])) == [written]


def test_neither_a_name_nor_a_depth_stops_it() -> None:
    found = orjson.loads(encode({"\ud800": 1, 2: "two"}))
    assert found == {"?": 1, "2": "two", UNENCODABLE: [" (its name)"]}
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert UNENCODABLE in orjson.loads(encode({"deep": deep}))
