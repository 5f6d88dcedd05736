import pytest

from redis_rehearsal.cache.control import Identity
from redis_rehearsal.migration.versions import can_replicate


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
