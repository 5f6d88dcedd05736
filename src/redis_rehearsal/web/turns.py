"""One after another: what many ask for at once is done for one in each round of the loop, which has workers to hear."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Turns:
    """The turns of those who wait."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def mine(self) -> None:
        """Wait for one's turn."""
        async with self._lock:
            await asyncio.sleep(0)


class InTurn:
    """Lets each request wait for its turn, and each that is given up.

    Args:
        app: that answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await self._turns.mine()

        async def told() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":  # of two hundred viewers whose network broke
                await self._turns.mine()
            return message

        await self._app(scope, told, send)
