import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from redis_rehearsal.verification.compare.options import CompareOptions


def test_every_key_is_compared_unless_told_otherwise() -> None:
    assert CompareOptions().pattern is None
    assert CompareOptions(match="a*b").pattern == b"a*b"


@given(st.text(alphabet="ab:é", min_size=1))
def test_a_plain_prefix_is_a_pattern_with_a_star(prefix: str) -> None:
    assert CompareOptions(prefix=prefix).pattern == f"{prefix}*".encode()


def test_a_prefix_is_taken_literally() -> None:
    pattern = CompareOptions(prefix="a[*]?\\").pattern
    assert pattern == b"a\\[\\*\\]\\?\\\\*"


def test_a_pattern_and_a_prefix_together_are_refused() -> None:
    with pytest.raises(ValidationError):
        CompareOptions(match="a", prefix="b")
