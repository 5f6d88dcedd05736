"""The names of all keys that the platform uses, written and read: the one place to change the key strategy."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from redis_rehearsal.workload.events import EVENT_TYPES

KeyKind = Literal["count", "live", "report"]
"""What belongs to an organisation: counters, live structures, cached reports."""
WRITTEN_KINDS: Final[tuple[KeyKind, KeyKind]] = ("count", "live")
"""What events write to."""
_MOST_DIGITS: Final = 18
_KINDS: Final[dict[bytes, KeyKind]] = {b"count": "count", b"live": "live", b"report": "report"}


class ParsedKey(NamedTuple):
    """What a key says of what it holds.

    Attributes:
        kind: of it.
        organization: its number.
        rest: what follows, split: of a report its kind and its filter.
    """

    kind: KeyKind
    organization: int
    rest: list[bytes]

    @property
    def name(self) -> bytes:
        """Which counter, live structure or kind of report it is."""
        return self.rest[0]

    @property
    def bucket_start_seconds(self) -> int | None:
        """The start of its time bucket, Unix time; None where it has none."""
        return _number(self.rest[-1]) if self.kind in WRITTEN_KINDS else None


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
        return f"{self._begin('report')}{identity}"

    def counter(self, organization: int, event_type: int, bucket_start_seconds: int) -> str:
        """Key of the counter of an organisation, an event type (its number) and a time bucket (Unix time)."""
        return f"{self._begin('count')}{organization}:{EVENT_TYPES[event_type].name}:{bucket_start_seconds}"

    def live(self, name: str, organization: int, bucket_start_seconds: int) -> str:
        """Key of the run's live structure of an organisation and a time bucket (Unix time)."""
        return f"{self._begin('live')}{organization}:{name}:{self.run}:{bucket_start_seconds}"

    def identity_in(self, key: str) -> str:
        """The identity that stands in the key of a cached report."""
        return key.removeprefix(self._begin("report"))

    def _begin(self, kind: KeyKind) -> str:
        return f"{self.prefix}{kind}:"

    def of_kinds(self, keys: Iterable[bytes], *kinds: KeyKind) -> list[bytes]:
        """Those among some keys that are of one of some kinds."""
        begins = tuple(self._begin(kind).encode() for kind in kinds)
        return [key for key in keys if key.startswith(begins)]

    def parse(self, key: bytes) -> ParsedKey | None:
        """What a key of an organisation says; None of any other."""
        prefix = self.prefix.encode()
        if not key.startswith(prefix):
            return None
        name, *rest = key[len(prefix) :].split(b":")
        kind = _KINDS.get(name)
        organization = _number(rest[0]) if len(rest) > 1 else None
        return None if kind is None or organization is None else ParsedKey(kind, organization, rest[1:])

    @property
    def every(self) -> str:
        """A pattern of SCAN that every key matches; the prefix has none of its special letters."""
        return f"{self.prefix}*"

    def every_of(self, kind: KeyKind) -> str:
        """The same of a kind."""
        return f"{self._begin(kind)}*"

    def is_dead_weight(self, key: bytes) -> bool:
        """Whether it is a key that nothing asks for."""
        return key.startswith(_dead_weight(self.prefix))

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

    def spare(self, identity: str) -> str:
        """A key for a cached report that nobody else uses, for a moment."""
        return f"{self.copying}{identity}"

    @property
    def absent(self) -> str:
        """A key that is never written, for what is asked to see whether it may be."""
        return f"{self.prefix}none"

    @property
    def longer_locks(self) -> str:
        """A pattern of SCAN that the locks of runs match whose prefix begins with this one."""
        return f"{self.prefix}?*lock"

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

    def is_own(self, key: bytes) -> bool:
        """Whether a key is there for the run itself, and means nothing to the application."""
        names, copying = _of_runs(self.prefix)
        return key in names or key.startswith(copying)

    @property
    def marker(self) -> str:
        """Key that says which run wrote under the prefix last."""
        return f"{self.prefix}run"


@lru_cache(maxsize=8)
def _dead_weight(prefix: str) -> tuple[bytes, bytes]:
    return f"{prefix}ballast:".encode(), f"{prefix}big:".encode()


@lru_cache(maxsize=8)
def _of_runs(prefix: str) -> tuple[frozenset[bytes], bytes]:
    keys = Keys(prefix)
    return keys.own | {keys.marker.encode()}, keys.copying.encode()


def _number(text: bytes) -> int | None:
    # Keys of others may have thousands of digits, which no number of ours has.
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else None
