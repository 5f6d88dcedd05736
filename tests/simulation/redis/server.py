"""A simulated Redis: a process with its data, which can be killed, stopped and made to refuse."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import hiredis

from redis_rehearsal.clock import monotonic
from tests.simulation.network import Link, Network
from tests.simulation.redis import (  # noqa: F401  # each puts its commands into the table
    administration,
    hashes,
    keys,
    payloads,
    replicating,
    strings,
    transactions,
)
from tests.simulation.redis.about import STARTUP_BYTES
from tests.simulation.redis.accounts import Accounts, Figures
from tests.simulation.redis.connection import Connection
from tests.simulation.redis.executing import BLOCKED, execute
from tests.simulation.redis.following import Following
from tests.simulation.redis.keyspace import Keyspace, Value
from tests.simulation.redis.pause import Pause
from tests.simulation.redis.replication import Replication
from tests.simulation.redis.session import Passing, Session
from tests.simulation.redis.settings import Settings
from tests.simulation.redis.subscriptions import Subscriptions


class SimulatedRedis:
    """A Redis with strings and hashes in one database.

    Args:
        network: on which it listens, and over which it follows others.
        address: where.
        rng: of its ids, the order of SCAN, and what it evicts.
        version: that it says it is; what a version does not have it does not know.
        name: for people.

    Attributes:
        run_id: of the process.
        config: its settings; what is set here stays over a restart, what CONFIG SET sets does not.
        commands: how many of clients were carried out, by name.
        accounts: what clients had done here.
        refusal: a code and text that every write of clients is answered with; empty for none. Where it begins with ERR
            the write is applied all the same, as behind a proxy that answers too late.
        read_refusal: a code and text that every read of strings by clients is answered with; empty for none.
        full_sync_seconds: how long it takes to send all data to one who follows.
        load_seconds: how long it takes to load what was sent, in which it answers LOADING.
        stream_lag_seconds: so much later than it could the stream reaches those who follow.
        following: the server that it follows; None where it is a primary.
        cannot_reach: addresses to which it gets no connection, as where a network is parted.
        promoted_seconds: when it last stopped following another, on the monotonic clock; None where it did not.
        frozen: whether the process is stopped.
        alive: whether it is there.
    """

    def __init__(
        self,
        network: Network,
        address: tuple[str, int],
        rng: random.Random,
        *,
        version: str = "8.0.0",
        name: str = "redis",
    ) -> None:
        self.network = network
        self.address = address
        self.rng = rng
        self.version = version
        self.name = name
        major, minor, *_ = (int(part) for part in version.split("."))
        self.numbers = (major, minor)
        self.config: Settings = Settings(address[1])
        self.refusal = self.read_refusal = ""
        self.full_sync_seconds = self.load_seconds = self.stream_lag_seconds = 0.0
        self.cannot_reach: tuple[tuple[str, int], ...] = ()
        self.accounts = Accounts()
        self.commands: Counter[str] = Counter()
        self.alive = True
        self.life = self._numbers_given = 0
        self.keyspace = Keyspace(rng, self._expire, self._may_remove, self._arm)
        self._config_before: dict[str, str] = {}
        self._begin()

    def _begin(self) -> None:
        self.run_id = self.hexadecimal()
        self.started_seconds = monotonic()
        self.figures = Figures()
        self.frozen = self.is_loading = False
        self.held: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.held_back: list[Session] = []
        self.sessions: dict[Connection, None] = {}
        self.watchers: dict[bytes, list[Session]] = {}
        self.subscriptions = Subscriptions()
        self.following: Following | None = None
        self.promoted_seconds: float | None = None
        self.replication = Replication(self)
        self.pause = Pause(self._go_on, self.later)

    def __str__(self) -> str:
        """For people."""
        return f"{self.name} at {self.address[0]}:{self.address[1]}"

    # The process

    def listen(self) -> None:
        """Take connections."""
        self.started_seconds = monotonic()
        self.network.servers[self.address] = self._serve
        self._watch_keys()

    def _serve(self) -> Connection:
        self.figures.connections += 1
        return Connection(self)

    def kill(self) -> None:
        """End the process: its connections are reset, and nobody listens."""
        if not self.alive:
            return
        self.alive = False
        self.life += 1
        if self.network.servers.get(self.address) == self._serve:
            del self.network.servers[self.address]
        if self.following is not None:
            self.following.cut()
        for link in self.network.links_to(*self.address):
            link.cut()
        for session in list(self.sessions):
            session.leave()

    def restart(
        self, *, keeps_data: bool, loading_seconds: float = 0.0, as_replica_of: tuple[str, int] | None = None
    ) -> None:
        """Start another process in its place, which listens.

        Args:
            keeps_data: whether it has the data that the one before held.
            loading_seconds: how long it reads them, in which it answers LOADING.
            as_replica_of: the server that it follows; None for none.
        """
        self.kill()
        self.alive = True
        found = [(key, value, self.keyspace.expiry.get(key)) for key, value in self.keyspace.values.items()]
        self.keyspace.clear()
        self.config.update(self._config_before)
        self._config_before.clear()
        self.commands.clear()
        self._begin()
        self.listen()
        if keeps_data and loading_seconds:
            self.is_loading = True
            self.later(loading_seconds, self._have_loaded, found, as_replica_of)
        else:
            self._have_loaded(found if keeps_data else [], as_replica_of)

    def _have_loaded(self, found: list[tuple[bytes, Value, int | None]], as_replica_of: tuple[str, int] | None) -> None:
        self.is_loading = False
        self.keyspace.load(found)
        if as_replica_of is not None:
            self.follow(as_replica_of)

    def freeze(self) -> None:
        """Stop the process: connections stay, nothing is read or sent."""
        self.frozen = True

    def thaw(self) -> None:
        """Let it go on: what came meanwhile is carried out."""
        self.frozen = False
        held, self.held = self.held, []
        for place, (call, arguments) in enumerate(held):
            call(*arguments)
            if self.frozen:
                self.held = held[place + 1 :] + self.held
                return
        for session in list(self.sessions):
            session.flush()

    def later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have this process do something after so many seconds, or once it goes on again."""
        if (loop := _loop()) is not None:
            loop.call_later(seconds, self._due, self.life, call, arguments)

    def soon(self, call: Callable[[], None]) -> None:
        """Have this process do something in the loop's next turn."""
        if (loop := _loop()) is not None:
            loop.call_soon(self._due, self.life, call, ())

    def _due(self, life: int, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if life != self.life:
            return
        if self.frozen:
            self.held.append((call, arguments))
        else:
            call(*arguments)

    # Commands

    def do(self, *command: bytes | str | int) -> Any:
        """Carry somebody else's command out at once, past the refusal, be the process stopped or not.

        Returns:
            The reply, as bytes, int, list or None; None where CLIENT PAUSE holds it back.

        Raises:
            ConnectionRefusedError: the process is not there.
            hiredis.ReplyError: the reply is an error.
        """
        if not self.alive:
            raise ConnectionRefusedError(f"{self} is not there")
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        refusal, self.refusal = self.refusal, ""
        try:
            reply = execute(Passing(self), words)
        finally:
            self.refusal = refusal
        if isinstance(reply, Exception):
            raise hiredis.ReplyError(str(reply))
        return None if reply is BLOCKED else reply

    def feed(self, words: list[bytes]) -> None:
        """Hand a write on to those who follow."""
        if self.replication.backlog is not None:
            self.replication.feed(words)

    def changed(self, key: bytes, kind: str, event: str) -> None:
        """Tell those who watch a key, or listen, what became of it.

        Args:
            key: its name.
            kind: of the notification, as notify-keyspace-events names it.
            event: its name.
        """
        if self.watchers:
            self.disturb(key)
        if self.config.notifies and kind in self.config.notifies:
            self.subscriptions.notify(self.config.notifies, event.encode(), key)

    def disturb(self, key: bytes) -> None:
        """A key is not as those saw it who watch it."""
        for session in self.watchers.get(key, ()):
            session.disturbed = True

    def set_at_run_time(self, changes: dict[str, str]) -> None:
        """Change settings until the process ends."""
        for name, value in changes.items():
            self._config_before.setdefault(name, self.config[name])
            self.config[name] = value

    def _go_on(self) -> None:
        waiting, self.held_back = self.held_back, []
        for session in waiting:
            session.blocked = False
        for session in waiting:
            # Once what ended the pause has been carried out as a whole.
            self.soon(session.advance)
        self._watch_keys()

    # Data

    def value_of(self, key: bytes) -> bytes | None:
        """A string as it is held, be its time over; None where there is none. Nothing is touched."""
        value = self.keyspace.values.get(key)
        return value if isinstance(value, bytes) else None

    def keys(self) -> list[bytes]:
        """All keys that are held."""
        return list(self.keyspace.values)

    @property
    def used_bytes(self) -> int:
        """Memory that is in use, estimated."""
        return STARTUP_BYTES + self.keyspace.used_bytes

    def make_room(self) -> bool:
        """Evict keys until the memory is within its limit; False where it cannot be."""
        config, keyspace = self.config, self.keyspace
        if self.following is not None:
            return True  # its primary's task
        while self.used_bytes > config.maxmemory_bytes:
            policy = config["maxmemory-policy"]
            if policy == "noeviction" or self.pause.is_on:
                return policy != "noeviction"
            key = keyspace.any_key(keyspace.expiry if policy.startswith("volatile") else None)
            if key is None:
                return False
            keyspace.remove(key)
            self.figures.evicted_keys += 1
            self.feed([b"DEL", key])
            self.changed(key, "e", "evicted")
        return True

    def replace_data(self, found: Iterable[tuple[bytes, Value, int | None]]) -> None:
        """Hold what another server gave, and nothing else."""
        for key in list(self.watchers):
            self.disturb(key)
        self.keyspace.load(found)

    def _expire(self, key: bytes) -> None:
        self.keyspace.remove(key)
        self.figures.expired_keys += 1
        self.feed([b"DEL", key])
        self.changed(key, "x", "expired")

    def _may_remove(self) -> bool:
        return self.following is None and not self.pause.is_on and not self.is_loading

    def _arm(self, seconds: float) -> None:
        self.later(seconds, self.keyspace.remove_due)

    def _watch_keys(self) -> None:
        self.keyspace.forget_watch()
        self.keyspace.watch()

    # Replication

    @property
    def is_replica(self) -> bool:
        """Whether it follows another server."""
        return self.following is not None

    @property
    def replica_of(self) -> tuple[str, int] | None:
        """The server that it follows."""
        return None if self.following is None else self.following.address

    @property
    def is_stale(self) -> bool:
        """Whether it is a replica that serves nothing, since its link is down."""
        following = self.following
        return following is not None and not following.is_up and self.config["replica-serve-stale-data"] == "no"

    @property
    def is_hindered(self) -> bool:
        """Whether there are commands that it does not carry out now, be they reads."""
        return self.is_loading or (self.following is not None and self.is_stale)

    @property
    def link_to_primary(self) -> Link | None:
        """The connection over which it follows; None where there is none."""
        return None if self.following is None else self.following.over()

    def follow(self, address: tuple[str, int]) -> None:
        """Become a replica, which has its data from another server."""
        before = self.following
        has_stream = before is None or before.has_stream
        if before is not None:
            before.end()
        self.replication.flush()
        self.replication.drop_all()
        self.following = Following(self, address)
        self.following.has_stream = has_stream

    def promote(self) -> None:
        """Be a primary from now on."""
        following, self.following = self.following, None
        if following is not None:
            self.promoted_seconds = monotonic()
            following.end()
            self.replication.renamed(self.hexadecimal())
            self.replication.drop_all()
            self._watch_keys()

    # Chance

    def hexadecimal(self) -> str:
        """An id of 40 digits that no other has."""
        return f"{self.rng.getrandbits(160):040x}"

    def next_number(self) -> int:
        """A number for one who asks, higher than all before."""
        self._numbers_given += 1
        return self._numbers_given


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None  # what is done before the simulation begins has no future
