"""The names of all keys that the platform uses: the one place to change the key strategy."""

from dataclasses import dataclass

from redis_rehearsal.workload.events import EVENT_TYPES


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys under a prefix; nothing is ever written outside it.

    Attributes:
        prefix: begins every key, for example `rehearsal:`.
        run: tells a run's live structures from those that an earlier one left.
    """

    prefix: str
    run: str = ""

    @staticmethod
    def report_identity(organization: int, kind: str, filter_number: int) -> str:
        """What a cached report answers; stands in its key and again in its envelope."""
        if filter_number:
            return f"{organization}:{kind}:{filter_number:x}"
        return f"{organization}:{kind}"

    def report(self, identity: str) -> str:
        """Key of a cached report."""
        return f"{self.prefix}report:{identity}"

    def counter(self, organization: int, event_type: int, bucket_start_seconds: int) -> str:
        """Key of the counter of an organisation, an event type (its number) and a time bucket (Unix time)."""
        return f"{self.prefix}count:{organization}:{EVENT_TYPES[event_type].name}:{bucket_start_seconds}"

    def live(self, name: str, organization: int, bucket_start_seconds: int) -> str:
        """Key of the run's live structure of an organisation and a time bucket (Unix time)."""
        return f"{self.prefix}live:{organization}:{name}:{self.run}:{bucket_start_seconds}"

    def ballast(self, number: int) -> str:
        """Key of a string that nothing asks for."""
        return f"{self.prefix}ballast:{number}"

    def big(self, number: int) -> str:
        """Key of a large hash that nothing asks for."""
        return f"{self.prefix}big:{number}"

    @property
    def copying(self) -> str:
        """Begins keys that are there only while another key is put together."""
        return f"{self.prefix}copying:"

    @property
    def lock(self) -> str:
        """Key that keeps a second run away."""
        return f"{self.prefix}lock"

    @property
    def changed(self) -> str:
        """Key of what a migration changed on servers and has not put back yet."""
        return f"{self.prefix}changed"

    @property
    def own(self) -> frozenset[bytes]:
        """Keys of the run itself, which belong to the server that they are on."""
        return frozenset({self.lock.encode(), self.changed.encode()})

    @property
    def marker(self) -> str:
        """Key that says which run wrote under the prefix last."""
        return f"{self.prefix}run"
