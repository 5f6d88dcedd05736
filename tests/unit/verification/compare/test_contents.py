import asyncio
from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import CannotTellError
from redis_rehearsal.keyspace.types import JSON
from redis_rehearsal.verification.compare.contents import (
    UNREADABLE,
    Unsure,
    contents,
    digest_of,
    page_elements,
    same,
)
from redis_rehearsal.verification.compare.reader import ComparedServer


class Answering(ComparedServer):
    """A server that has one answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__("source", Endpoint(host="localhost", port=1), 1.0)
        self.answer = answer

    async def pipeline(self, commands: bytes, count: int) -> list[Any]:
        return [self.answer] * count


def of_json(reply: Any) -> Any:
    (content,) = asyncio.run(contents(Answering(reply), JSON, [b"key"], [b"$3\r\nkey\r\n"]))
    return content


def test_json_is_compared_as_json() -> None:
    assert same(of_json(b'{"a":1,"b":[1,2]}'), of_json(b'{"b": [1, 2], "a": 1}'))
    assert not same(of_json(b'{"a":1}'), of_json(b'{"a":2}'))


def test_json_cannot_be_read_where_the_server_has_no_command_for_it() -> None:
    assert of_json(hiredis.ReplyError("ERR unknown command 'JSON.GET', with args beginning with: 'key'")) is UNREADABLE


def test_json_that_may_not_be_read_ends_the_comparison() -> None:
    with pytest.raises(CannotTellError, match=r"does not permit JSON\.GET"):
        of_json(hiredis.ReplyError("NOPERM User half has no permissions to run the 'json.get' command"))


def test_what_went_away_while_it_was_read_equals_nothing() -> None:
    gone = of_json(None)
    assert isinstance(gone, Unsure)
    assert not same(gone, of_json(None))
    assert digest_of(gone) is None


@given(st.dictionaries(st.binary(max_size=3), st.binary(max_size=3)))
def test_a_value_that_was_read_whole_equals_its_digest(value: dict[bytes, bytes]) -> None:
    digest = digest_of(value)
    assert digest is not None
    assert same(value, digest)
    assert not same({**value, b"another": b"field"}, digest)


@given(st.integers(1, 10**9), st.integers(0, 10**12))
def test_a_page_has_an_element_and_no_more_than_a_megabyte_by_estimate(length: int, size: int) -> None:
    page = page_elements(length, size)
    assert 1 <= page <= 5000
    assert page == 1 or page * size / length <= 1024 * 1024
