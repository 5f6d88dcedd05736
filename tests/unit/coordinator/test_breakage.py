import asyncio

import pytest

from redis_rehearsal.coordinator.breakage import Breakage
from redis_rehearsal.errors import BrokenError


def test_the_first_thing_that_broke_counts() -> None:
    breakage = Breakage()
    breakage.note("")
    assert breakage.sentence == ""
    for sentence in ("The database is away.", "", "A worker ended."):
        breakage.note(sentence)
    assert breakage.sentence == "The database is away."


def test_who_waits_is_told_of_what_was_waited_for_or_of_what_broke() -> None:
    async def wait(*, broken: str, arrives: bool) -> None:
        breakage, there = Breakage(), list[int]()
        waiting = asyncio.create_task(breakage.until(lambda: bool(there), 5.0, "start"))
        await asyncio.sleep(0)
        breakage.look_again()
        await asyncio.sleep(0)
        assert not waiting.done()
        if arrives:
            there.append(1)
            breakage.look_again()
        breakage.note(broken)
        await waiting

    asyncio.run(wait(broken="", arrives=True))
    # It came before anything broke.
    asyncio.run(wait(broken="Worker 0 broke.", arrives=True))
    with pytest.raises(BrokenError, match="Worker 0 broke"):
        asyncio.run(wait(broken="Worker 0 broke.", arrives=False))


def test_who_waits_too_long_is_told_what_did_not_happen() -> None:
    with pytest.raises(BrokenError, match=r"did not start within 0\.01 s"):
        asyncio.run(Breakage().until(lambda: False, 0.01, "start"))
