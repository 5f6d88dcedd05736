"""Which keys belong to which organisation, so that the writes to some can be held while they are copied."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator

from redis_rehearsal.workload.keys import WRITTEN_KINDS, KeyKind, Keys


class Tenantry:
    """Keys by organisation.

    Args:
        keys: the names of keys.

    Attributes:
        of: keys by the number of their organisation.
        others: keys that belong to none, and are never written to.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._own = keys.own
        self.of: defaultdict[int, list[bytes]] = defaultdict(list)
        self.others: list[bytes] = []

    def add(self, found: Iterable[bytes]) -> None:
        """Sort keys in; the run's own are left out."""
        for key in found:
            parsed = self._keys.parse(key)
            if parsed is not None:
                self.of[parsed.organization].append(key)
            elif key not in self._own:
                self.others.append(key)

    async def add_all(self, batches: AsyncIterator[list[bytes]]) -> None:
        """Sort in what a scan finds, each key once."""
        seen: set[bytes] = set()
        async for batch in batches:
            self.add(key for key in batch if key not in seen)
            seen.update(batch)

    def batches(self, organizations: Iterable[int], most: int, most_keys: int) -> Iterator[list[int]]:
        """Organisations in order, some at a time.

        Args:
            organizations: by their numbers.
            most: organisations at a time.
            most_keys: of all of these together, unless one alone has more.
        """
        batch: list[int] = []
        keys = 0
        for organization in organizations:
            if batch and (len(batch) == most or keys + len(self.of[organization]) > most_keys):
                yield batch
                batch, keys = [], 0
            batch.append(organization)
            keys += len(self.of[organization])
        if batch:
            yield batch

    def counters_of(self, organization: int) -> list[bytes]:
        """The counters of an organisation."""
        return self._of_kind(organization, "count")

    def written_of(self, organization: int) -> list[bytes]:
        """All that events write to: the counters and live structures of an organisation."""
        return self._of_kind(organization, *WRITTEN_KINDS)

    def _of_kind(self, organization: int, *kinds: KeyKind) -> list[bytes]:
        return self._keys.of_kinds(self.of[organization], *kinds)
