import asyncio
import json
from typing import Any

from redis_rehearsal.web.page.feed import MOST_OLD_ROWS, WHOLE_SECONDS, Feed
from redis_rehearsal.web.page.stream import stream
from tests.unit.web.made_rows import row


class Shown:
    """A run of which every look is counted."""

    def __init__(self, seconds: int) -> None:
        self.rows = [row(second) for second in range(seconds)]
        self.name = "2026-11-27T15-00-00Z"
        self.ended = False
        self.looks = 0

    def greeting(self) -> dict[str, Any]:
        return {}

    def rows_after(self, second: int) -> list[Any]:
        return [each for each in self.rows if each["second"] > second]

    async def state(self) -> dict[str, Any]:
        self.looks += 1
        return {"run": self.name, "ended": self.ended}


def told(pieces: list[bytes]) -> list[dict[str, Any]]:
    return [each for piece in pieces for each in json.loads(piece.partition(b"data: ")[2])["rows"]]


def test_of_a_day_a_viewer_gets_what_a_screen_shows_and_the_latest_in_full() -> None:
    shown = Shown(86_400)
    shown.rows[40_000]["query_response_p99"] = 7.0
    pieces, last = asyncio.run(Feed(shown).rows(-1))
    rows = told(pieces)
    assert last == 86_399
    assert len(rows) <= MOST_OLD_ROWS + WHOLE_SECONDS + 250
    assert [each["second"] for each in rows[-WHOLE_SECONDS:]] == list(range(86_400 - WHOLE_SECONDS, 86_400))
    assert 40_000 in {each["second"] for each in rows}


def test_a_viewer_who_was_there_gets_what_is_new() -> None:
    feed = Feed(Shown(2_000))
    pieces, last = asyncio.run(feed.rows(1_997))
    assert (len(told(pieces)), last) == (2, 1_999)
    assert asyncio.run(feed.rows(1_999)) == ([], 1_999)


def test_all_who_look_are_told_what_was_made_once() -> None:
    shown = Shown(3_000)
    feed = Feed(shown)

    async def look() -> list[tuple[list[bytes], bytes]]:
        return [((await feed.rows(-1))[0], await feed.state()) for _ in range(50)]

    found = asyncio.run(look())
    assert shown.looks == 1
    # The same bytes, and not only equal ones.
    assert all(piece is found[0][0][0] for (piece, *_), _ in found)
    assert all(state is found[0][1] for _, state in found)


def test_the_end_is_told_at_once() -> None:
    shown = Shown(3)
    feed = Feed(shown)

    async def follow() -> list[bytes]:
        heard = []
        async for content in stream(feed, ""):
            heard.append(content)
            assert feed.viewers == 1
            if content.startswith(b"event: state") and not shown.ended:
                shown.ended = True
        return heard

    heard = asyncio.run(follow())
    assert heard[-1].startswith(b"event: end")
    assert json.loads(heard[-2].partition(b"data: ")[2])["ended"] is True
    assert feed.viewers == 0
