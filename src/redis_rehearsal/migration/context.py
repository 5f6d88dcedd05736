"""What a strategy works with: the application, the servers, and an account of what is done."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import redis.asyncio as redis

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.journal import Entry, Journal
from redis_rehearsal.clock import monotonic, unix
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS, FleetControl
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS, Phase
from redis_rehearsal.migration.reached import Watch
from redis_rehearsal.migration.site import Site
from redis_rehearsal.verification.not_carried import NotCarried
from redis_rehearsal.workload.keys import Keys

StepStatus = Literal["running", "done", "failed"]


@dataclass(slots=True)
class Step:
    """Something that a migration did.

    Attributes:
        name: of it.
        at: Unix time at which it began.
        began_seconds: the same on the monotonic clock.
        duration_seconds: None while it goes on.
        status: how it ended.
        detail: what came of it, for people.
    """

    name: str
    at: float
    began_seconds: float
    duration_seconds: float | None = None
    status: StepStatus = "running"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """How much of the data a strategy has carried to the other server.

    Attributes:
        done: so much.
        total: of so much, as far as is known.
        unit: of both.
    """

    done: int
    total: int
    unit: Literal["keys", "bytes"]

    @property
    def ratio(self) -> float | None:
        """Share of it; None where there is nothing to carry."""
        return min(1.0, self.done / self.total) if self.total else None


def iso(unix_seconds: float) -> str:
    """A Unix time as people and tools read it, in UTC."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Context:
    """A migration as its strategy sees it.

    Attributes:
        options: what was asked for.
        app: the live application.
        source: the server that is left.
        target: the server that is moved to.
        keys: the names of keys.
        directory: of the run's files.
        organizations: how many there are; their numbers begin at 1.
        began_seconds: when the load began, on the monotonic clock.
        rows: the timeline so far, a row a second since then.
        watch: knows which servers answer.
        journal: has what is changed on servers and must be put back.
        steps: what was done so far.
        warnings: what a person should know though nothing failed.
        progress: how far the current step is, for people.
        cutovers: when each cutover began and ended, on the monotonic clock; there and back makes two.
        freeze_seconds: how long writes were held; None where they were not.
        carried: how much of the data is on the other server; None where the strategy does not know.
        not_carried: what the target could not hold of what the strategy carried; None where it carries no keys.
    """

    options: MigrationOptions
    app: FleetControl
    source: Site
    target: Site
    keys: Keys
    directory: Path
    organizations: int
    began_seconds: float
    rows: Sequence[Row]
    watch: Watch
    journal: Journal
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    progress: str = ""
    cutovers: list[tuple[float, float | None]] = field(default_factory=list)
    freeze_seconds: float | None = None
    carried: Carried | None = None
    not_carried: NotCarried | None = None
    _undo: list[tuple[str, Callable[[], Awaitable[Any]]]] = field(default_factory=list)
    _tails: list[asyncio.TimerHandle] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[Step]:
        """Account for something that is done; what fails in it fails with it."""
        step = Step(name, unix(), monotonic())
        self.steps.append(step)
        try:
            yield step
        except BaseException as error:
            step.status = "failed"
            step.detail = str(error) or type(error).__name__
            raise
        else:
            step.status = "done"
        finally:
            step.duration_seconds = monotonic() - step.began_seconds
            self.progress = ""

    async def phase(self, phase: Phase) -> float:
        """Begin a phase; returns when it has begun, on the monotonic clock."""
        at = self.app.begin_phase(phase)
        await asyncio.sleep(max(0.0, at - monotonic()))
        return at

    def end_cutover(self, at_seconds: float) -> None:
        """Note when the latest cutover ended, and have a segment begin where what counts as its own ends.

        Args:
            at_seconds: on the monotonic clock; not in the future.
        """
        self.cutovers[-1] = (self.cutovers[-1][0], at_seconds)
        until, now = at_seconds + CUTOVER_TAIL_SECONDS, monotonic()
        # Announced only right before, since until then other phases may begin.
        if until > now:
            lead = max(0.0, until - 2 * BOUNDARY_LEAD_SECONDS - now)
            self._tails.append(asyncio.get_running_loop().call_later(lead, self._begin_segment, until))

    def _begin_segment(self, at_seconds: float) -> None:
        self.app.begin_phase(self.app.phase, at_seconds)

    def forget_cutovers(self) -> None:
        """The migration is over: no segment begins for its sake any more."""
        for tail in self._tails:
            tail.cancel()

    async def note(self, server: Site, setting: str, before: str, after: str) -> None:
        """Write down what a setting is before it is changed, for the next run where this one is killed.

        Raises:
            RedisError, OSError, TimeoutError: that could not be done.
        """
        await self.journal.note(self._clients, Entry(server.identity.run_id, setting, before, after))

    async def forget(self, server: Site, setting: str) -> None:
        """A setting is as it was before."""
        await self.journal.forget(self._clients, server.identity.run_id, setting)

    @property
    def _clients(self) -> tuple[redis.Redis, ...]:
        return self.source.client, self.target.client

    def put_back(self, what: str, how: Callable[[], Awaitable[Any]]) -> None:
        """Remember how to put back what is about to be changed on a server."""
        self._undo.append((what, how))

    async def undo(self) -> None:
        """Put back all that was changed on servers, the last first; what fails is a warning."""
        while self._undo:
            what, how = self._undo.pop()
            try:
                await how()
            except CLIENT_ERRORS as error:
                self.warnings.append(f"{what} could not be put back ({error}); do it by hand.")

    async def set_config(self, server: Site, name: str, value: str) -> None:
        """Change a setting of a server, to be put back at the end.

        Raises:
            MigrationError: the server does not allow it.
        """
        try:
            before = (await server.client.config_get(name)).get(name)
            if before is None:
                raise MigrationError(f"{server} has no setting {name}.")
            if before == value:
                return

            async def restore() -> None:
                await server.client.config_set(name, before)
                await self.forget(server, name)

            await self.note(server, name, str(before), value)
            self.put_back(f"{name} of {server}", restore)
            await server.client.config_set(name, value)
        except CLIENT_ERRORS as error:
            # The value may be a password, which an error of the server may repeat.
            raise MigrationError(
                f"{server} does not let {name} be changed ({type(error).__name__}); it may block CONFIG. "
                "Set it there by hand, or use another strategy."
            ) from None

    def require_server_wide(self, *servers: Site) -> None:
        """See that what acts on whole servers is allowed on these.

        Raises:
            MigrationError: a server is the user's, and it is not.
        """
        for server in servers:
            if not (server.embedded or self.options.allow_server_wide):
                raise MigrationError(
                    f"The strategy acts on all of {server}, not only on our keys: pass --allow-server-wide if it may; "
                    "what it changes there is put back."
                )
