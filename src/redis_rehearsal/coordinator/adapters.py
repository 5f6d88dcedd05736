"""What a run stands on: where its workers run, where their ledgers lie, and what the database is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from redis_rehearsal.database.run_database import PostgresRunDatabase, RunDatabase
from redis_rehearsal.engine.ledgers import LedgerStore, SharedLedgers
from redis_rehearsal.fleet.local import LocalFleet
from redis_rehearsal.fleet.port import FleetMaker
from redis_rehearsal.settings import Settings

DatabaseMaker = Callable[[str, Settings, Callable[[], float]], RunDatabase]
"""Makes the database of a URL usable; it is given the settings of the run and the current Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ports of a run, filled.

    Attributes:
        make_fleet: makes the workers' home.
        ledgers: of these workers.
        database_at: makes the database of a URL usable.
    """

    make_fleet: FleetMaker
    ledgers: LedgerStore
    database_at: DatabaseMaker

    @classmethod
    def of_this_machine(cls) -> "Adapters":
        """Processes, shared memory and PostgreSQL."""
        ledgers = SharedLedgers()
        return cls(partial(LocalFleet, ledgers=ledgers), ledgers, _postgres_at)


def _postgres_at(url: str, settings: Settings, wall_clock: Callable[[], float]) -> RunDatabase:
    return PostgresRunDatabase(
        url, settings.operation_timeout, settings.time_bucket_seconds, settings.time_buckets, wall_clock
    )
