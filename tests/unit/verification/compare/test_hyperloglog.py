"""Which strings are HyperLogLogs, and when two of them are the same."""

import pytest

from redis_rehearsal.verification.compare.hyperloglog import is_hyperloglog, same, uncounted

OUT_OF_DATE = b"\0" * 7 + b"\x80"
EMPTY = b"\x7f\xff"  # 16,384 registers in one run
DENSE = b"\0" * 12_288


def made(registers: bytes = EMPTY, count: bytes = OUT_OF_DATE, encoding: int = 1, magic: bytes = b"HYLL") -> bytes:
    return magic + bytes([encoding, 0, 0, 0]) + count + registers


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (made(), True),
        (made(b"\x7f\xfd\x80\x00"), True),  # one register that is set, and one that is not
        (made(b"\x7f\xf0\x0e"), True),
        (made(b"\x7f\xfe"), False),
        (made(b"\x7f\xff\x00"), False),
        (made(b"\x7f"), False),
        (made(DENSE, encoding=0), True),
        (made(DENSE[1:], encoding=0), False),
        (made(DENSE, encoding=1), False),
        (made(encoding=2), False),
        (made(magic=b"HYLO"), False),
        (b"HYLL", False),
        (b"", False),
    ],
)
def test_only_a_whole_one_is_one(value: bytes, is_one: bool) -> None:
    assert is_hyperloglog(value) is is_one
    assert (uncounted(value) == value) is not is_one


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (made(), made(count=b"\7" + b"\0" * 7), True),
        (made(count=b"\7" + b"\0" * 7), made(count=b"\7" + b"\0" * 7), True),
        # Both would answer at once, and not the same.
        (made(count=b"\7" + b"\0" * 7), made(count=b"\6" + b"\0" * 7), False),
        (made(count=b"\7" + b"\0" * 6 + b"\x80"), made(), True),
        (made(b"\x7f\xfd\x80\x00"), made(), False),
        (made(b"\x7f\xfe"), made(b"\x7f\xfe", count=b"\0" * 8), False),
        (b"text", b"text", False),
    ],
)
def test_they_are_the_same_but_for_a_count_that_is_out_of_date(one: bytes, other: bytes, equal: bool) -> None:
    assert same(one, other) is same(other, one) is equal
