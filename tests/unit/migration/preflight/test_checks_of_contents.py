"""What the preflight says of what the servers hold, and have room for."""

from dataclasses import replace
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.keyspace.census import Census
from redis_rehearsal.keyspace.sample import Sample
from redis_rehearsal.migration.preflight.facts import Plan
from redis_rehearsal.migration.preflight.finding import COPYING, ELSEWHERE, FOLLOWING, SWITCHING
from tests.unit.migration.preflight.checking import found, one
from tests.unit.migration.preflight.made import MIB, PLAN, source, target

TIGHT: dict[str, Any] = {"info": {"maxmemory": str(150 * MIB), "used_memory": str(61 * MIB)}}
EMPTY: dict[str, Any] = {"info": {"maxmemory": str(150 * MIB)}}
SMALL: dict[str, Any] = {"info": {"maxmemory": str(50 * MIB)}}
CLEARED = replace(PLAN, clear_target=True)
STRANGERS = Sample(1000, 0, (), own_ratio=0.5)
A_STRANGER = Sample(1000, 0, (), own_ratio=0.99)


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"maxmemory": str(50 * MIB)}, "blocker"),
        ({"maxmemory": str(110 * MIB)}, "warning"),
        ({"maxmemory": str(200 * MIB)}, "ok"),
        ({"total_system_memory": str(90 * MIB)}, "blocker"),
        ({"total_system_memory": str(110 * MIB)}, "warning"),
        ({"total_system_memory": None}, "ok"),
    ],
)
def test_memory_must_hold_the_data(info: dict[str, str | None], level: str) -> None:
    findings = found("memory", new=target(info=info))
    assert [each.level for each in findings] == ([] if level == "ok" else [level])
    if level == "blocker":
        assert "cold" not in findings[0].blocks
        assert findings[0].blocks >= COPYING | FOLLOWING


@pytest.mark.parametrize(
    ("old", "new", "plan", "level", "blocks"),
    [
        # What follows gives up what it had.
        ({}, {**TIGHT, "keyspace": {0: 500}, "prefix_keys": 500}, PLAN, "blocker", COPYING | ELSEWHERE),
        ({}, {**TIGHT, "keyspace": {0: 500}, "prefix_keys": 500}, CLEARED, "ok", None),
        ({}, EMPTY, PLAN, "ok", None),
        # Of what is there only a part goes.
        ({}, {**TIGHT, "keyspace": {0: 500}, "prefix_keys": 499, "sample": STRANGERS}, CLEARED, "warning", None),
        ({}, {**TIGHT, "keyspace": {0: 500, 2: 9}, "prefix_keys": 500}, CLEARED, "warning", None),
        ({}, {**TIGHT, "keyspace": {2: 9}, "prefix_keys": 0}, CLEARED, "blocker", COPYING | ELSEWHERE),
        # A replica has it from the source.
        (
            {},
            {"info": {**TIGHT["info"], "role": "slave"}, "keyspace": {0: 500}, "prefix_keys": 500},
            PLAN,
            "blocker",
            COPYING,
        ),
        # What others have at the source is not copied.
        ({"keyspace": {0: 1000, 1: 1000}}, SMALL, PLAN, "blocker", FOLLOWING),
        ({"sample": STRANGERS}, SMALL, PLAN, "blocker", FOLLOWING),
        ({"sample": STRANGERS}, {**TIGHT, "keyspace": {2: 9}}, PLAN, "warning", None),
        # One of them is no reason to think that all the rest is theirs.
        ({"sample": A_STRANGER}, SMALL, PLAN, "blocker", COPYING | ELSEWHERE | FOLLOWING),
        ({"keyspace": {0: 9_999, 1: 1}}, SMALL, PLAN, "blocker", COPYING | ELSEWHERE | FOLLOWING),
        ({}, SMALL, PLAN, "blocker", COPYING | ELSEWHERE | FOLLOWING),
    ],
)
def test_memory_is_counted_by_what_a_strategy_carries(
    old: dict[str, Any], new: dict[str, Any], plan: Plan, level: str, blocks: frozenset[str] | None
) -> None:
    findings = found("memory", source(**old), target(**new), plan)
    assert [(each.level, each.blocks or None) for each in findings] == ([] if level == "ok" else [(level, blocks)])


def test_eviction_is_said_where_it_can_happen() -> None:
    lru = {"maxmemory": str(1000 * MIB), "maxmemory_policy": "allkeys-lru"}
    none = {"maxmemory": str(1000 * MIB)}
    assert "evicts keys" in one("eviction", new=target(info=lru)).sentence
    assert "as the source does" in one("eviction", source(info=lru), target(info=lru)).sentence
    assert "refuses writes then" in one("eviction", source(info=lru), target(info=none)).sentence
    assert not found("eviction", new=target(info={"maxmemory_policy": "allkeys-lru"}))


def test_persistence_is_judged_on_each_server() -> None:
    off: dict[str, Any] = {"info": {"aof_enabled": "0"}, "config": {"save": ""}}
    assert "The target keeps nothing" in one("persistence", new=target(**off)).sentence
    assert "The source keeps nothing" in one("persistence", source(**off), target(**off)).sentence
    assert "failed to save" in one("persistence", source(info={"rdb_last_bgsave_status": "err"})).sentence


def test_databases_beside_ours_are_seen() -> None:
    assert one("databases", source(keyspace={0: 1, 3: 7})).sentence.endswith("(7 in db 3).")
    finding = one("databases", new=target(keyspace={3: 1, 0: 1}, locked=True))
    assert (finding.blocks, "(1 in db 3)" in finding.sentence) == (FOLLOWING, True)
    assert not found("databases", new=target(keyspace={0: 1}, locked=True))
    # Of what expires meanwhile INFO and SCAN say different things.
    ours: dict[str, Any] = {"keyspace": {0: 90}, "prefix_keys": 7, "other_keys": 0, "locked": True}
    assert not found("databases", new=target(**ours), plan=CLEARED)
    assert one("databases", new=target(**ours | {"other_keys": 2}), plan=CLEARED).blocks == FOLLOWING
    assert "(2 in db 0)" in one("databases", new=target(**ours | {"other_keys": 2}), plan=CLEARED).sentence
    assert one("databases", new=target(**ours, prefix_complete=False), plan=CLEARED).level == "warning"
    other = target(endpoint=Endpoint("10.0.0.2", 6379, database=3))
    assert "would go to 3" in one("databases", source(keyspace={0: 1}), other).sentence
    assert one("databases", source(keyspace={0: 1}), other).blocks == FOLLOWING
    findings = found("databases", source(keyspace={0: 1, 20: 1}))
    assert [each.level for each in findings] == ["warning", "blocker"]


def test_keys_of_an_earlier_try_block_unless_they_may_be_cleared() -> None:
    assert one("our keys", new=target(prefix_keys=3)).blocks == SWITCHING
    assert one("our keys", new=target(prefix_keys=3), plan=replace(PLAN, clear_target=True)).level == "warning"
    assert one("our keys", new=target(prefix_complete=False)).level == "warning"


def test_big_keys_and_keys_that_stay_are_said() -> None:
    big = tuple((f"big{number}", (20 - number) * MIB) for number in range(7))
    finding = one("big keys", source(sample=Sample(2000, 0, big)))
    assert "big0 (20 MiB), big1 (19 MiB)" in finding.sentence
    assert "and 2 more." in finding.sentence
    assert "25% of 2,000 keys" in one("expiry", source(sample=Sample(2000, 500, ()))).sentence
    assert not found("expiry", source(sample=Sample(2000, 20, ())))
    assert "MEMORY USAGE is not permitted" in one("big keys", source(sample=Sample(9, 0, None))).sentence


@pytest.mark.parametrize(
    ("old", "new", "levels"),
    [
        ("redis 6.2.14", "valkey 9.1.2", []),
        ("redis 7.4.0", "redis 8.2.3", []),
        ("valkey 9.0.1", "valkey 9.1.2", []),
        ("redis 8.2.3", "valkey 9.1.2", ["blocker"]),
        ("valkey 9.1.2", "redis 8.2.3", ["blocker"]),
        ("valkey 9.1.2", "valkey 8.0.1", ["blocker", "warning"]),
        ("redis 8.2.3", "redis 6.2.14", ["blocker", "warning"]),
    ],
)
def test_field_ttls_of_the_whole_server_decide_on_replication(old: str, new: str, levels: list[str]) -> None:
    held = source(old, field_ttls=12, field_ttl_keys=Census(("h:1", "h:2"), complete=False))
    findings = found("field TTLs", held, target(new))
    assert [each.level for each in findings] == levels
    for each in findings:
        assert "12 hashes with fields that expire by themselves (h:1, h:2 and others)" in each.sentence
        assert each.blocks == (FOLLOWING if each.level == "blocker" else frozenset())
    assert not found("field TTLs", source(old, field_ttls=0), target(new))


def test_field_ttls_that_the_server_does_not_tell_of_are_unseen_unless_some_are_found() -> None:
    hidden = source("redis 8.2.3", field_ttls=None, unseen={"field_ttls": "INFO shows no databases"})
    assert "INFO shows no databases" in one("field TTLs", hidden).sentence
    named = replace(hidden, field_ttl_keys=Census(("h",), complete=True))
    assert one("field TTLs", named).blocks == FOLLOWING


def test_values_above_what_the_target_takes_are_said() -> None:
    held = source(sample=Sample(10, 0, (), largest=("big", 3 * MIB)))
    finding = one("large values", held, target(config={"proto-max-bulk-len": str(2 * MIB)}))
    assert (finding.level, "big (3 MiB)" in finding.sentence) == ("warning", True)
    assert "proto-max-bulk-len to 6291456" in finding.advice
    strings = replace(held, sample=Sample(10, 0, (), largest=("big", 3 * MIB), largest_string=("string", 3 * MIB)))
    finding = one("large values", strings, target(config={"proto-max-bulk-len": str(2 * MIB)}))
    assert (finding.blocks, "string (3 MiB)" in finding.sentence) == (COPYING, True)
    buffer = {"client-query-buffer-limit": str(2 * MIB)}
    assert "(client-query-buffer-limit)" in one("large values", held, target(config=buffer)).sentence
    assert not found("large values", held)
    assert not found("large values", source(sample=Sample(0, 0, ())))
    assert "MEMORY USAGE" in one("large values", source(sample=Sample(9, 0, None))).sentence
