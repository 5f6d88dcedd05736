"""What was read from a server, and what is planned with it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from redis_rehearsal.cache.client import Identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.keyspace.census import Census
from redis_rehearsal.keyspace.sample import Sample
from redis_rehearsal.keyspace.versions import version_numbers
from redis_rehearsal.migration.options import CopyMethod, FreezeKind


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with the two servers.

    Attributes:
        strategy: the one that is wanted; None for any.
        freeze: who is to hold writes back.
        allow_server_wide: whether REPLICAOF, CLIENT PAUSE and CONFIG may be used on servers of the user.
        clear_target: whether keys under our prefix are deleted from the target first.
        key_prefix: begins every key of ours.
        pool_size: connections that are still to be opened to each server.
        timeout_seconds: for each answer of a server.
        ours: servers that the tool itself started, with which it may do as it likes.
        copy_method: how keys are to be copied.
    """

    strategy: str | None = None
    freeze: FreezeKind = "client"
    allow_server_wide: bool = False
    clear_target: bool = False
    key_prefix: str = "rehearsal:"
    pool_size: int = 100
    timeout_seconds: float = 5.0
    ours: frozenset[Role] = frozenset()
    copy_method: CopyMethod = "auto"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server showed of itself. What is None, or missing in a mapping, it did not show.

    Attributes:
        role: what it is in the migration.
        endpoint: where it is.
        identity: what it says that it is.
        info: the lines of INFO.
        keyspace: number of keys by database.
        config: settings that CONFIG GET showed.
        modules: names of them.
        parts: those of these that are built in, and were not loaded from a file.
        censuses: of the source's keys of types that only a module or a part knows, by type.
        own_censuses: the same, of keys under our prefix in our database alone.
        field_ttls: how many hashes have fields that expire by themselves, in all databases.
        field_ttl_keys: some of these, where there are any.
        functions: names of its function libraries.
        users: names of its ACL users.
        denied: commands that our user may not use, or that the server does not have; None where they were not seen.
        refusal: how it would refuse a write for what it is now (READONLY, OOM); empty where it would not.
        locked: whether our lock is there.
        sample: of the keys in our database.
        prefix_keys: number of keys under our prefix without the lock; at least, unless `prefix_complete`.
        prefix_complete: whether all keys were looked at for that.
        other_keys: number of keys of our database that are not under our prefix; at least, unless `prefix_complete`.
            None where it was not asked, since only who clears the rest away needs it.
        clock_offset_seconds: its clock less ours.
        clock_error_seconds: how wrong that may be.
        round_trip_seconds: median of PING.
        answered: run ids that answered, on each of some connections in turn; an empty one where a server did not say.
        write_bytes_per_second: of its replication stream; of all that it received, at most that, unless
            `write_rate_exact`.
        write_rate_exact: whether it is the rate of the replication stream itself.
        unseen: why, by the name of the attribute.
    """

    role: Role
    endpoint: Endpoint
    identity: Identity
    info: Mapping[str, str] = field(default_factory=dict)
    keyspace: Mapping[int, int] | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    modules: frozenset[str] | None = None
    parts: frozenset[str] = frozenset()
    censuses: Mapping[str, Census] = field(default_factory=dict)
    own_censuses: Mapping[str, Census] = field(default_factory=dict)
    field_ttls: int | None = None
    field_ttl_keys: Census | None = None
    functions: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None
    denied: frozenset[str] | None = None
    refusal: str = ""
    locked: bool = False
    sample: Sample | None = None
    prefix_keys: int | None = None
    prefix_complete: bool = True
    other_keys: int | None = None
    clock_offset_seconds: float | None = None
    clock_error_seconds: float = 0.0
    round_trip_seconds: float | None = None
    answered: tuple[tuple[str, ...], ...] = ()
    write_bytes_per_second: float | None = None
    write_rate_exact: bool = False
    unseen: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> tuple[int, int]:
        """The first two numbers of its version."""
        return version_numbers(self.identity)

    def setting(self, *names: str) -> str | None:
        """A setting from CONFIG GET or else from INFO, by the first of its names that is known."""
        for known in (self.config, self.info):
            for name in names:
                if name in known:
                    return known[name]
        return None

    def number(self, *names: str) -> int | None:
        """A setting or a line of INFO that is a whole number."""
        try:
            return int(self.setting(*names) or "")
        except ValueError:
            return None

    def why(self, name: str) -> str:
        """Why something could not be seen."""
        return self.unseen.get(name, "the server does not show it")

    @property
    def title(self) -> str:
        """The role, to begin a sentence."""
        return f"The {self.role}"

    def __str__(self) -> str:
        """The role, within a sentence."""
        return f"the {self.role}"
