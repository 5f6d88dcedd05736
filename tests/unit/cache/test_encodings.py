"""Every report comes back from every type as it was, and whatever is done to it is noticed."""

import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.cache.encodings.base import COMPUTED_AT, EXPIRES_AT, expected_identity
from redis_rehearsal.cache.encodings.choice import encodings_of_slots, types_used
from redis_rehearsal.workload.queries import SLOTS

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-"
names = st.text(ALPHABET, min_size=1, max_size=12)
reports = st.dictionaries(names, st.integers(-(2**53), 2**53), max_size=30)
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=list(ENCODINGS))
IDENTITY = expected_identity("17:overview")
COMPUTED_MS = 1_795_000_000_000


def elements_of(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1


@every_encoding
@given(report=reports, computed_ms=st.integers(10**12, 10**13 - 10**10), ttl_ms=st.integers(1, 10**9))
def test_a_report_comes_back_as_it_was(
    encoding: Encoding, report: dict[str, int], computed_ms: int, ttl_ms: int
) -> None:
    value = encoding.encode(IDENTITY, report, computed_ms, ttl_ms)
    assert encoding.is_right(value, IDENTITY)
    assert encoding.decode(value) == report
    envelope = encoding.envelope(value)
    assert envelope is not None
    assert int(envelope[COMPUTED_AT]) == computed_ms
    assert int(envelope[EXPIRES_AT]) == computed_ms + ttl_ms


@every_encoding
@given(report=reports, data=st.data())
def test_any_changed_byte_is_noticed(encoding: Encoding, report: dict[str, int], data: st.DataObject) -> None:
    value = encoding.encode(IDENTITY, report, COMPUTED_MS, 300_000)
    place = data.draw(st.integers(0, elements_of(value) - 1))
    changed = bytearray(value[place] if isinstance(value, list) else value)
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    damaged = bytes(changed)
    value = [*value[:place], damaged, *value[place + 1 :]] if isinstance(value, list) else damaged
    assert not encoding.is_right(value, IDENTITY)


@every_encoding
@given(report=reports, data=st.data())
def test_what_is_missing_or_added_is_noticed(encoding: Encoding, report: dict[str, int], data: st.DataObject) -> None:
    value = encoding.encode(IDENTITY, report, COMPUTED_MS, 300_000)
    if not isinstance(value, list):
        assert not encoding.is_right(value[: data.draw(st.integers(0, len(value) - 1))], IDENTITY)
        assert not encoding.is_right(value + b"x", IDENTITY)
        return
    step = 2 if encoding.name in ("hash", "sorted-set") else 1
    place = step * data.draw(st.integers(0, len(value) // step - 1))
    assert not encoding.is_right(value[:place] + value[place + step :], IDENTITY)
    added = [b"an-added-one", b"1"][:step]
    assert not encoding.is_right(value[:place] + added + value[place:], IDENTITY)
    assert not encoding.is_right([], IDENTITY)


@given(report=reports, rng=st.randoms(use_true_random=False))
def test_sets_and_hashes_may_come_in_any_order(report: dict[str, int], rng: random.Random) -> None:
    shuffle = rng.shuffle
    members = ENCODINGS["set"].encode(IDENTITY, report, COMPUTED_MS, 300_000)
    shuffle(members)
    assert ENCODINGS["set"].is_right(members, IDENTITY)
    assert ENCODINGS["set"].decode(members) == report
    flat = ENCODINGS["hash"].encode(IDENTITY, report, COMPUTED_MS, 300_000)
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    shuffle(pairs)
    fields = [part for pair in pairs for part in pair]
    assert ENCODINGS["hash"].is_right(fields, IDENTITY)
    assert ENCODINGS["hash"].decode(fields) == report


@every_encoding
def test_the_report_of_another_question_is_noticed(encoding: Encoding) -> None:
    value = encoding.encode(expected_identity("1:overview"), {"total": 1}, COMPUTED_MS, 300_000)
    assert not encoding.is_right(value, expected_identity("11:overview"))
    assert not encoding.is_right(value, expected_identity("1:over"))


@every_encoding
@given(junk=st.binary(max_size=60))
@example(junk=b"!")
def test_what_was_never_a_report_has_no_envelope(encoding: Encoding, junk: bytes) -> None:
    for value in (junk, [junk], [junk, junk], None, 3, []):
        assert encoding.envelope(value) is None
        assert not encoding.is_right(value, IDENTITY)


def test_a_number_that_a_score_would_round_is_refused() -> None:
    with pytest.raises(OverflowError):
        ENCODINGS["sorted-set"].encode(IDENTITY, {"total": 2**53 + 1}, COMPUTED_MS, 300_000)


@pytest.mark.parametrize("with_json", [False, True])
def test_a_mixture_is_of_all_types(with_json: bool) -> None:
    types = types_used("mixed", with_json=with_json)
    used = encodings_of_slots(types)
    assert (
        {encoding.name for encoding in used if encoding}
        == set(types)
        == set(ENCODINGS) - (set() if with_json else {"json"})
    )
    assert [encoding is not None for encoding in used] == [slot.kind.cacheable for slot in SLOTS]
    assert {encoding.name for encoding in encodings_of_slots(("list",)) if encoding} == {"list"}
