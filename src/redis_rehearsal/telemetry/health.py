"""Which servers are there, asked once a second by other connections than the load's."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.clock import LATE_SECONDS, monotonic

CHECK_SECONDS: Final = 1.0
Probe = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class ServerHealth:
    """The state of one server.

    Attributes:
        needed: whether the run cannot do without it.
        probe: asks it something; raises where it is away.
        error: why it is away; empty where it is there.
        load_error: why it does not do what the load asks of it, though it may be there; empty where it does.
        away_since: on the monotonic clock; None where it is there.
        away_until: when it was last seen to be away.
    """

    needed: bool
    probe: Probe
    error: str = ""
    load_error: str = ""
    away_since: float | None = None
    away_until: float = 0.0

    @property
    def away_seconds(self) -> float:
        """For how long it was seen to be away."""
        return 0.0 if self.away_since is None else self.away_until - self.away_since


@dataclass(slots=True)
class Health:
    """The state of all servers.

    Attributes:
        errors: what a probe raises where a server is away.
        servers: by role.
    """

    errors: tuple[type[Exception], ...]
    servers: dict[str, ServerHealth] = field(default_factory=dict)

    async def watch(self, timeout_seconds: float) -> None:
        """Ask all servers once a second, for ever."""
        while True:
            await asyncio.gather(*(self._check(server, timeout_seconds) for server in self.servers.values()))
            await asyncio.sleep(CHECK_SECONDS)

    async def _check(self, server: ServerHealth, timeout_seconds: float) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(timeout_seconds):
                await server.probe()
        except self.errors as error:
            if monotonic() - began > timeout_seconds + LATE_SECONDS:
                # Who stood still has not read what was answered; the next look tells.
                return
            server.error = str(error) or type(error).__name__
        else:
            server.error = server.load_error
        if not server.error:
            server.away_since = None
        else:
            server.away_until = monotonic()
            if server.away_since is None:
                server.away_since = server.away_until

    @property
    def missing(self) -> list[str]:
        """Roles of the needed servers that are away."""
        return [role for role, server in self.servers.items() if server.needed and server.error]

    def given_up(self, after_seconds: float) -> str:
        """A sentence on a needed server that was away for too long; empty where there is none."""
        for role, server in self.servers.items():
            if server.needed and server.away_seconds > after_seconds:
                return (
                    f"The {role} has been away for {server.away_seconds:.0f} s ({server.error}); the run gives up. "
                    "GIVE_UP_AFTER says how long it waits."
                )
        return ""
