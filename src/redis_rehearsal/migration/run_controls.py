"""What can be done to a run that is going on: the port that the HTTP API and the commands use."""

from collections.abc import Sequence
from typing import Protocol

from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.status import Load, MigrationSoFar, RunStatus
from redis_rehearsal.document.verdict import Verdict
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, SwitchOptions


class RunControls(Protocol):
    """A run as its operator sees it. No document holds a secret."""

    def status(self) -> RunStatus:
        """What is running."""

    def load(self) -> Load:
        """The load as it is asked for now."""

    async def change(self, change: LoadChange) -> Load:
        """Change the load, and return `control()` as it is then.

        Raises:
            ConflictError: the load is not running.
        """

    async def switch(self, options: SwitchOptions) -> RunStatus:
        """Point the application to another server, and return `status()` as it is then.

        Raises:
            ConflictError: the load is not running, or a migration is.
            ConfigurationError: there is no such server, or it will not do.
        """

    async def start_migration(self, options: MigrationOptions) -> Migration:
        """Begin a migration, and return its document.

        Raises:
            ConflictError: the load is not running, a migration is, or the ledger shows already that something is wrong,
                which would be put down to this one.
        """

    def migrations(self) -> list[MigrationSoFar]:
        """The documents of all migrations of this run with their phases so far, oldest first."""

    async def rollback(self) -> Migration:
        """End the migration that is going on and return to the source; returns its document.

        Raises:
            ConflictError: none is going on.
        """

    def go_back(self) -> Migration:
        """End the observation of the migration that is going on, and return with what was written meanwhile.

        Returns:
            Its document.

        Raises:
            ConflictError: none is going on, or it is not watched on the target.
        """

    async def verdict_so_far(self, *, read_counters: bool = True) -> Verdict | None:
        """What the verdict would be if the migration that is under way ended now; None where none is.

        Args:
            read_counters: whether they may be read for it, which the servers feel.
        """

    def reset(self) -> RunStatus:
        """End this run and begin another one from a fresh state; returns `status()`.

        Raises:
            ConflictError: the load is not running, or the run is there for one rehearsal.
        """

    def timeline(self) -> Sequence[Row]:
        """One row a second since the load began."""
