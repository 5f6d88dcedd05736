"""Copying for a strategy: in batches, with its progress shown and all its failures kept."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from redis_rehearsal.cache.route import Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.context import Carried, Context
from redis_rehearsal.migration.copying.build import CHANGES
from redis_rehearsal.migration.copying.copier import Copier
from redis_rehearsal.migration.copying.result import CopyResult
from redis_rehearsal.migration.copying.streams import NO_IDLE_TIME
from redis_rehearsal.verification.not_carried import NAMED, NotCarried

_BATCH: Final = 1000
_NAMED: Final = 3


class Carrier:
    """Carries keys from the context's source to its target.

    Args:
        context: of the migration.
        copier: that is open.
        whole: whether all keys will be carried, so that it can be told how much of that is done.

    Attributes:
        result: of all that was carried.
        failed: keys that could not be copied the last time that it was tried, and why.
    """

    def __init__(self, context: Context, copier: Copier, *, whole: bool) -> None:
        self._whole = whole
        self._context = context
        self._copier = copier
        self.result = CopyResult()
        self.failed: dict[bytes, str] = {}

    def scan(self, pattern: str, of: Role = "source") -> AsyncIterator[list[bytes]]:
        """Keys in batches; each comes at least once, perhaps more often. Arguments as of `Copier.scan`."""
        return self._copier.scan(pattern, of)

    async def pace(self, keys: int) -> None:
        """Wait until so many keys may be carried while writes are held, since nothing slows them down then."""
        await self._copier.pace(keys)

    async def differing(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those that are not on the target as on the source; what is no string is taken to differ.

        Raises:
            OSError: a server is away.
        """
        return await self._copier.differing(keys)

    async def grouped_streams(self) -> list[bytes]:
        """The streams with groups among what was carried.

        Raises:
            OSError: the source is away.
        """
        return await self._copier.with_groups(sorted(self.result.streams))

    async def carry(self, keys: Iterable[bytes], *, replace: bool = True, held: bool = False) -> None:
        """Copy keys, and delete those that are gone on the source; what is the run's own stays where it is.

        Args:
            keys: which.
            replace: False leaves alone what the target has.
            held: whether writes wait for it, so that it goes as fast as it can, whatever the rate.

        Raises:
            OSError: a server is away.
        """
        own = self._context.keys.own
        wanted = [key for key in keys if key not in own]
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            came = await self._copier.copy(batch, replace=replace, paced=not held)
            for key in batch:
                self.result.not_carried.pop(key, None)
                self.failed.pop(key, None)
            self.result.add(came)
            self.failed.update(came.failed)
            done = self._copier.progress
            left = done.eta_seconds(monotonic())
            eta = f", {left:.0f} s left" if left else ""
            if self._whole:
                # A key may be seen to more than once; the lock, which every source has, never is.
                self._context.carried = Carried(done.keys, max(done.keys, done.total_keys - 1), "keys")
            self._context.progress = f"{done.keys:,} keys, {done.bytes:,} bytes{eta}"

    @property
    def sentence(self) -> str:
        """What was carried so far."""
        method, reason = self._copier.what_method()
        text = f"{self.result.copied:,} keys, {self.result.bytes:,} bytes, by {method}"
        return f"{text} ({reason})" if reason else text

    async def see_to_all(self) -> None:
        """Try again what a moment's bad luck left behind, and see that nothing is.

        Raises:
            MigrationError: some keys could not be copied.
            OSError: a server is away.
        """
        await self.carry([key for key, reason in self.failed.items() if reason == CHANGES])
        self.require_all()

    def require_all(self) -> None:
        """See that nothing was left behind.

        Raises:
            MigrationError: some keys could not be copied.
        """
        if self.failed:
            raise MigrationError(f"{self.what_failed}; the application went on with the {self._context.source.role}.")

    @property
    def what_failed(self) -> str:
        """How many keys could not be copied, and why the first of them."""
        some = list(self.failed.items())[:_NAMED]
        listed = "; ".join(f"{key.decode(errors='replace')}: {reason}" for key, reason in some)
        return f"{len(self.failed):,} keys could not be copied ({listed})"

    def account_for_losses(self) -> None:
        """Name what copied keys lost on the way; what another target could have held is a matter of the verdict."""
        context = self._context
        for what, count in self.result.losses.items():
            context.warnings.append(f"Not carried, {count:,} in all: {what}.")
        lost = {key: sum(found.values()) - found[NO_IDLE_TIME] for key, found in self.result.not_carried.items()}
        keys = [key.decode(errors="replace") for key, things in lost.items() if things]
        found = NotCarried(sum(lost.values()), tuple(keys[:NAMED]))
        context.not_carried = found.and_then(context.not_carried)


@contextlib.asynccontextmanager
async def carrying(context: Context, *, whole: bool = True) -> AsyncIterator[Carrier]:
    """Carry keys from the context's source to its target, as was asked for; arguments as of `Carrier`."""
    options = context.options
    copier = Copier(
        context.source.endpoint,
        context.target.endpoint,
        temporary_prefix=context.keys.copying,
        method=options.copy_method,
        rate_keys_per_second=options.copy_rate,
        called=(context.source.role, context.target.role),
    )
    async with copier:
        await copier.estimate()
        carrier = Carrier(context, copier, whole=whole)
        try:
            yield carrier
        finally:
            carrier.account_for_losses()
