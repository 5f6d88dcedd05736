import json
import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.compare import digest

PARTS = st.lists(st.binary(max_size=8), max_size=8)


@given(PARTS, PARTS)
def test_lists_have_one_digest_only_where_they_are_equal(one: list[bytes], other: list[bytes]) -> None:
    assert (digest.digest_of(one) == digest.digest_of(other)) is (one == other)


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=4)), st.randoms())
def test_the_order_of_a_hash_does_not_matter_and_its_pairs_do(fields: dict[bytes, bytes], random: Random) -> None:
    pairs = list(fields.items())
    random.shuffle(pairs)
    assert digest.digest_of(dict(pairs)) == digest.digest_of(fields)
    if fields:
        field = pairs[0][0]
        assert digest.digest_of({**fields, field: fields[field] + b"x"}) != digest.digest_of(fields)


@given(st.frozensets(st.binary(max_size=4)), st.frozensets(st.binary(max_size=4)))
def test_sets_have_one_digest_only_where_they_are_equal(one: frozenset[bytes], other: frozenset[bytes]) -> None:
    assert (digest.digest_of(one) == digest.digest_of(other)) is (one == other)


@given(st.binary(max_size=100), st.integers(1, 20))
def test_a_string_has_one_digest_in_whatever_chunks_it_comes(value: bytes, size: int) -> None:
    chunks = digest.Bytes()
    for start in range(0, len(value), size):
        chunks.add(value[start : start + size])
    assert chunks.hexdigest() == digest.digest_of(value)


@given(PARTS, st.integers(1, 4))
def test_a_list_has_one_digest_in_whatever_pages_it_comes(elements: list[bytes], size: int) -> None:
    pages = digest.Ordered()
    for start in range(0, len(elements), size):
        pages.add(*elements[start : start + size])
    assert pages.hexdigest() == digest.digest_of(elements)


@given(st.floats(allow_nan=False))
def test_a_score_is_the_same_however_a_server_writes_it(score: float) -> None:
    # Redis 6.2 writes 17 digits, later ones the shortest that is the same number.
    assert digest.scored([b"member", b"%.17g" % score]) == digest.scored([b"member", repr(score).encode()])


def test_minus_zero_is_zero_and_infinity_is_a_score() -> None:
    assert digest.digest_of(digest.scored([b"m", b"-0"])) == digest.digest_of(digest.scored([b"m", b"0"]))
    assert digest.scored([b"m", b"-inf"]) == [(b"m", -math.inf)]


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.booleans()))
def test_the_order_of_names_in_json_does_not_matter(names: dict[str, int | str | bool]) -> None:
    turned = dict(reversed(names.items()))
    assert digest.canonical_json(json.dumps(names).encode()) == digest.canonical_json(
        json.dumps(turned, indent=2).encode()
    )
