from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.encodings import string

entries = st.dictionaries(st.text(max_size=12), st.integers(-(2**62), 2**62), max_size=30)
IDENTITY = string.expected_identity("17:overview")


@given(entries, st.integers(10**12, 10**13 - 1), st.integers(1, 10**9))
def test_a_report_comes_back_as_it_was(report: dict[str, int], computed_ms: int, ttl_ms: int) -> None:
    value = string.encode(IDENTITY, report, computed_ms, min(ttl_ms, 10**13 - 1 - computed_ms))
    assert string.is_right(value, IDENTITY)
    assert string.decode(value) == report
    assert int(value[string.COMPUTED_AT]) == computed_ms


@given(entries, st.data())
def test_any_changed_byte_is_noticed(report: dict[str, int], data: st.DataObject) -> None:
    value = bytearray(string.encode(IDENTITY, report, 1_795_000_000_000, 300_000))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))
    assert not string.is_right(bytes(value), IDENTITY)


@given(entries, st.integers(0, 60))
def test_a_shortened_value_is_noticed(report: dict[str, int], length: int) -> None:
    value = string.encode(IDENTITY, report, 1_795_000_000_000, 300_000)
    assert not string.is_right(value[: min(length, len(value) - 1)], IDENTITY)


def test_the_report_of_another_question_is_noticed() -> None:
    value = string.encode(string.expected_identity("1:overview"), {"total": 1}, 1_795_000_000_000, 300_000)
    assert not string.is_right(value, string.expected_identity("11:overview"))
    assert not string.is_right(value, string.expected_identity("1:over"))
