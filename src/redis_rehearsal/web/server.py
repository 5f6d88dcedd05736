"""Serving the application inside the coordinator's loop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import anyio.lowlevel
import uvicorn

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.urls import reached_at


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command, which ends the run in its own order."""
        yield


class WebServer:
    """An application on an address.

    Args:
        app: an ASGI application.
        host: to bind.
        port: to bind; 0 for any free one.

    Attributes:
        address: where this machine reaches it, once it listens.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
                # Who calls decides what the call may do, so that a header must not say who it is.
                proxy_headers=False,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> int:
        """Bind and begin to serve; returns the port.

        Raises:
            ConfigurationError: the address cannot be used.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            listener.close()
            used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            raise ConfigurationError(
                f"BIND_ADDRESS {self._host}:{self._port} "
                + (
                    "is in use; stop what listens there, or choose another port."
                    if used
                    else f"cannot be used: {error}."
                )
            ) from None
        self._socket = listener
        host, port = str(listener.getsockname()[0]), int(listener.getsockname()[1])
        host = reached_at(host)
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        # Else the first who asks has all wait for it to be loaded.
        await anyio.lowlevel.checkpoint()
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return port

    async def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        if self._socket is not None:
            self._socket.close()
