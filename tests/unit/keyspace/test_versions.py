import pytest

from redis_rehearsal.cache.client import Identity
from redis_rehearsal.keyspace.versions import can_replicate, can_restore


def identity(text: str) -> Identity:
    product, version = text.split()
    return Identity(product, version, "", "standalone")


@pytest.mark.parametrize(
    ("source", "target", "possible"),
    [
        ("redis 6.2.14", "valkey 9.1.2", "yes"),
        ("redis 6.2.14", "redis 8.2.3", "yes"),
        ("redis 8.2.3", "valkey 9.1.2", "relaxed"),
        ("valkey 9.1.2", "redis 8.2.3", "yes"),
        ("valkey 9.1.2", "valkey 9.1.2", "yes"),
        ("valkey 9.1.2", "redis 6.2.14", "no"),
        ("redis 8.2.3", "redis 6.2.14", "no"),
        ("redis 7.2.4", "valkey 7.2.5", "yes"),
        ("redis 7.2.4", "redis 7.0.15", "no"),
        ("redis 7.4.0", "valkey 8.0.1", "no"),
        ("valkey 9.1.2", "valkey 8.0.1", "yes"),
    ],
)
def test_who_can_follow_whom(source: str, target: str, possible: str) -> None:
    found = can_replicate(identity(source), identity(target))
    assert found.possible == possible
    assert bool(found.reason) is (possible != "yes")


@pytest.mark.parametrize(
    ("source", "target", "possible"),
    [
        ("redis 6.2.14", "valkey 9.1.2", True),
        ("redis 8.2.3", "redis 7.4.0", True),
        ("redis 8.2.3", "valkey 9.1.2", False),
        ("redis 7.2.4", "redis 7.0.15", False),
        ("valkey 8.0.1", "redis 7.2.4", True),
        ("valkey 8.0.1", "redis 7.0.15", False),
        # What it sends a replica of another kind it does not write into a DUMP.
        ("valkey 9.1.2", "redis 8.2.3", False),
        ("valkey 9.1.2", "valkey 8.0.1", False),
        ("valkey 9.1.2", "valkey 9.0.0", True),
    ],
)
def test_who_takes_whose_dump(source: str, target: str, possible: bool) -> None:
    assert can_restore(identity(source), identity(target)) is possible
