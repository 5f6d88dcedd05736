"""The second server of a route: what goes there too, and of whom something did not get there."""

from collections.abc import Callable, Iterable

from redis_rehearsal.cache.refusals import is_accepted
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.wire import Batch, Reply


class Mirror:
    """Knows the tenants of whom the two servers may differ by a write, so that their keys are copied again.

    Args:
        router: the routes.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._tenants: set[int] = set()

    def send(self, write: Callable[[bytes, Batch], bool], commands: bytes, batch: "MirroredBatch") -> bool:
        """Have the second server written to by one of its ways to write, which says whether there is a connection.

        Returns:
            The same.
        """
        is_sent = write(commands, batch)
        if not is_sent:
            batch.on_refused(range(len(batch.tenants)))
        return is_sent

    def missed(self, tenants: Iterable[int]) -> None:
        """A write of theirs did not reach the mirror, as far as is known."""
        self._tenants.update(tenants)

    def alone(self, tenants: Iterable[int]) -> None:
        """The first server did not take a write of theirs, as far as is known, while a mirror may have it."""
        self._tenants.update(tenant for tenant in tenants if self._router.mirror_of(tenant) is not None)

    def take(self) -> set[int]:
        """Hand over the tenants that were told since the last time."""
        taken, self._tenants = self._tenants, set()
        return taken


class MirroredBatch(Batch):
    """Writes on their way to the second server.

    Args:
        mirror: is told of those that did not get there.
        operation: what they are for.
        tenants: of each write.
        told: what became of each: ok, failed or unknown; None where nobody counts it.
        commands_each: how many commands a write has; the last one tells what became of it.
        is_taken: whether a reply means that the server has it.

    Attributes:
        operation: the same.
        tenants: the same.
    """

    __slots__ = ("_commands_each", "_is_taken", "_mirror", "_told", "operation", "tenants")

    def __init__(
        self,
        mirror: Mirror,
        operation: str,
        tenants: list[int],
        told: Callable[[str], None] = lambda _: None,
        *,
        commands_each: int = 1,
        is_taken: Callable[[Reply], bool] = is_accepted,
    ) -> None:
        super().__init__(commands_each * len(tenants))
        self.operation = operation
        self.tenants = tenants
        self._mirror = mirror
        self._told = told
        self._commands_each = commands_each
        self._is_taken = is_taken

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        """See `Batch`."""
        refused = []
        for position, reply in enumerate(replies, self.answered + 1):
            write, rest = divmod(position, self._commands_each)
            if rest:
                continue
            if self._is_taken(reply):
                self._told("ok")
            else:
                refused.append(write - 1)
        if refused:
            self.on_refused(refused)

    def on_refused(self, writes: Iterable[int]) -> None:
        """The server surely does not have some of the writes."""
        self._miss("failed", writes)

    def on_lost(self, now_seconds: float) -> None:
        """See `Batch`."""
        self._miss("unknown", range(self.answered // self._commands_each, len(self.tenants)))

    def _miss(self, outcome: str, writes: Iterable[int]) -> None:
        for write in writes:
            self._told(outcome)
            self._mirror.missed([self.tenants[write]])
