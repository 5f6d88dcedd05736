"""What a server knows of one who asks it: a connection, or somebody who needs none."""

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.simulation.redis.executing import BLOCKED, execute
from tests.simulation.redis.table import Command

if TYPE_CHECKING:
    from tests.simulation.redis.accounts import Noted
    from tests.simulation.redis.replica import Replica
    from tests.simulation.redis.server import SimulatedRedis


class Session:
    """One who asks.

    Attributes:
        is_passing: whether it is somebody who needs no connection.
        server: that is asked.
        number: as CLIENT ID tells it.
        name: by CLIENT SETNAME.
        address: where it comes from, for people.
        authenticated: whether it has logged in.
        is_primary: whether it is the stream of the server that is followed.
        transaction: commands that wait for EXEC; None outside of a transaction.
        aborted: whether one of these was refused.
        watched: keys under WATCH.
        disturbed: whether one of them changed since.
        channels: that it listens to.
        patterns: of channels that it listens to.
        waiting: commands that came behind one that is held back, and that one before them; and when each was sent.
        sent_seconds: when the command was sent that is carried out, on the monotonic clock.
        blocked: whether the first of them is held back.
        replica: who follows over it; None where nobody does.
        counted: what is accounted for and of which the reply has not been sent yet.
        closed: whether it is over.
    """

    is_passing = False

    def __init__(self, server: "SimulatedRedis") -> None:
        self.server = server
        self.number = server.next_number()
        self.name = ""
        self.address = ""
        self.authenticated = not server.config["requirepass"]
        self.is_primary = False
        self.transaction: list[tuple[Command, list[bytes]]] | None = None
        self.aborted = False
        self.watched: list[bytes] = []
        self.disturbed = False
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.waiting: deque[tuple[list[bytes], float]] = deque()
        self.sent_seconds = 0.0
        self.blocked = False
        self.replica: Replica | None = None
        self.counted: list[Noted] = []
        self.closed = False

    def push(self, data: bytes) -> None:
        """Send something that is no reply, or a reply of which there are several."""

    def close(self) -> None:
        """Hang up."""

    def take(self, reply: Any) -> None:
        """What a command came to that had been held back."""

    def advance(self) -> None:
        """Go on with what was held back."""
        while self.waiting and not self.blocked and not self.closed:
            words, self.sent_seconds = self.waiting.popleft()
            reply = execute(self, words)
            if reply is not BLOCKED:
                self.take(reply)

    def forget_transaction(self) -> None:
        """There is none any more, and nothing is watched."""
        self.transaction = None
        self.aborted = self.disturbed = False
        for key in self.watched:
            watchers = self.server.watchers[key]
            watchers.remove(self)
            if not watchers:
                del self.server.watchers[key]
        self.watched.clear()


class Passing(Session):
    """Somebody else, whose command is carried out at once, or once it is not held back any more.

    Attributes:
        reply: to the last command.
    """

    is_passing = True

    def __init__(self, server: "SimulatedRedis") -> None:
        super().__init__(server)
        self.authenticated = True
        self.name = "do"
        self.reply: Any = None

    def take(self, reply: Any) -> None:
        """See `Session`."""
        self.reply = reply
