from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.migration.masking import Masker

SECRET = "p@ss/word geheim%1"


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), quote(SECRET), quote(SECRET, safe="").lower()])
@given(st.lists(st.integers(0, 60), max_size=5))
def test_no_piece_of_a_stream_shows_a_secret(form: str, cuts: list[int]) -> None:
    text = f"connecting to redis://:{form}@there\nagain {form}{form} and no end {form}".encode()
    edges = [0, *sorted(cuts), len(text)]
    masker = Masker([SECRET, ""])
    told = b"".join(masker.feed(text[start:end]) for start, end in pairwise(edges)) + masker.end()
    assert told == b"connecting to redis://:***@there\nagain ****** and no end ***"


@given(st.binary(max_size=200), st.integers(0, 200))
def test_what_holds_none_stays_as_it_is(data: bytes, cut: int) -> None:
    masker = Masker([])
    assert masker.feed(data[:cut]) + masker.feed(data[cut:]) + masker.end() == data
    if b"geheim" not in data:
        other = Masker(["geheim"])
        assert other.feed(data[:cut]) + other.feed(data[cut:]) + other.end() == data


def test_a_line_is_shown_when_it_has_ended() -> None:
    assert Masker(["geheim"]).feed(b"a line\n") == b"a line\n"


def test_the_longer_one_of_two_goes_first() -> None:
    assert Masker(["abc", "abcdef"]).feed(b"abcdef abc\n") == b"*** ***\n"
