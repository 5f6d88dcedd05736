import asyncio
from typing import Any

from redis_rehearsal.web.turns import InTurn, Turns


async def rounds_of(waiting: list[Any]) -> list[int]:
    """In which round of the loop each was through."""
    found: list[int] = []
    number = 0

    async def count() -> None:
        nonlocal number
        while True:
            number += 1
            await asyncio.sleep(0)

    async def wait(each: Any) -> None:
        await each
        found.append(number)

    counting = asyncio.create_task(count())
    await asyncio.gather(*map(wait, waiting))
    counting.cancel()
    return found


def test_of_many_that_wait_one_goes_on_in_each_round_and_nobody_overtakes() -> None:
    order: list[int] = []

    async def go() -> None:
        turns = Turns()

        async def mine(place: int) -> None:
            await turns.mine()
            order.append(place)

        found = await rounds_of([mine(place) for place in range(50)])
        assert found == sorted(set(found))

    asyncio.run(go())
    assert order == list(range(50))


def test_requests_that_come_at_once_are_answered_in_turn() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(scope)

    async def go() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        in_turn = InTurn(app)
        found = await rounds_of([in_turn({"type": str(place)}, None, send) for place in range(20)])  # type: ignore[arg-type]
        assert found == sorted(set(found))
        assert [each["type"] for each in sent] == [str(place) for place in range(20)]

    asyncio.run(go())


def test_those_who_go_at_once_are_let_go_in_turn() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    async def go() -> None:
        broken = asyncio.Event()
        in_turn = InTurn(app)
        heard = 0

        async def ask(place: int) -> None:
            messages = ["http.request", "http.disconnect"]

            async def receive() -> Any:
                nonlocal heard
                message = messages.pop(0)
                if message == "http.disconnect":
                    heard += 1
                    await broken.wait()
                return {"type": message}

            await in_turn({"type": str(place)}, receive, None)  # type: ignore[arg-type]

        async def break_all() -> None:
            while heard < 20:
                await asyncio.sleep(0)
            broken.set()

        breaking = asyncio.create_task(break_all())
        found = await rounds_of([ask(place) for place in range(20)])
        assert found == sorted(set(found))
        await breaking

    asyncio.run(go())
