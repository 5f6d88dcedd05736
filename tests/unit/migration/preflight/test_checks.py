""""""

from dataclasses import fields, replace
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.keyspace.census import Census
from redis_rehearsal.keyspace.sample import Sample
from redis_rehearsal.migration.preflight.checks import CHECKS, judge
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import ALL, COPYING, FOLLOWING, SWITCHING
from tests.unit.migration.preflight.checking import found, one
from tests.unit.migration.preflight.made import MIB, PLAN, identity, source, target


def test_with_two_good_servers_nothing_is_wrong() -> None:
    findings = judge(source(), target(), PLAN)
    assert [each for each in findings if each.level != "ok"] == []
    assert len({each.name for each in findings}) == len(CHECKS)


def test_what_shows_nothing_is_a_warning_and_never_an_exception() -> None:
    bare = [Facts(role, Endpoint("h", 1), identity("redis 6.2.14", role)) for role in ("source", "target")]
    findings = judge(bare[0], bare[1], PLAN)
    assert {each.level for each in findings} == {"ok", "warning"}
    assert sum("could not be seen: the server does not show it." in each.sentence for each in findings) > 10


@pytest.mark.parametrize("hidden", [field.name for field in fields(Facts) if field.default is None])
def test_each_fact_may_be_missing_on_either_server(hidden: str) -> None:
    changes: dict[str, Any] = {hidden: None, "unseen": {hidden: "X is not permitted"}}
    for old, new in ((replace(source(), **changes), target()), (source(), replace(target(), **changes))):
        assert not any(each.blocks for each in judge(old, new, PLAN))


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        ("redis 6.2.14", "valkey 9.1.2", False),
        ("redis 7.2.4", "redis 7.2.5", False),
        ("redis 8.2.3", "redis 6.2.14", True),
        ("redis 8.2.3", "valkey 9.1.2", True),
        ("valkey 9.1.2", "redis 8.2.3", True),
    ],
)
def test_a_move_to_what_has_fewer_commands_is_a_warning(old: str, new: str, warned: bool) -> None:
    assert bool(found("versions", source(old), target(new))) is warned


def test_one_server_twice_is_a_blocker() -> None:
    same = identity("valkey 9.1.2", "source")
    assert one("two servers", new=target(identity=same)).blocks == SWITCHING
    other = target(identity=same, endpoint=Endpoint("10.0.0.1", 6379, database=1))
    assert one("two servers", new=other).blocks == FOLLOWING


@pytest.mark.parametrize("mode", ["cluster", "sentinel"])
def test_clusters_and_sentinels_block_all(mode: str) -> None:
    finding = one("mode", source(identity=identity("redis 6.2.14", "s", mode)))
    assert (finding.blocks, finding.sentence) == (ALL, f"The source is a {mode} endpoint.")
    assert one("mode", new=target(info={"cluster_enabled": "1"})).blocks == ALL


def test_replicas_are_blockers_and_fewer_followers_a_warning() -> None:
    info = {"role": "slave", "master_host": "Db-1", "master_port": "7000"}
    finding, aside = found("role", new=target(info=info))
    assert finding.blocks == SWITCHING - {"external"}
    assert finding.sentence == "The target is a replica of Db-1:7000."
    assert (aside.level, "`external`" in aside.sentence) == ("warning", True)
    assert one("our keys", new=target(info=info, prefix_keys=3)).blocks == SWITCHING - {"external"}
    assert one("our keys", new=target(prefix_keys=3)).blocks == SWITCHING
    assert one("role", source(info=info)).blocks == ALL
    assert one("role", source(info={"connected_slaves": "2"})).level == "warning"


def test_rdb_versions_decide_on_replication() -> None:
    name = "replication format"
    assert one(name, source("redis 8.2.3"), target("redis 6.2.14")).blocks == FOLLOWING
    assert one(name, source("redis 8.2.3")).level == "warning"
    assert not found(name, source("redis 8.2.3"), target(config={"rdb-version-check": "relaxed"}))
    denied = target(denied=frozenset({"CONFIG SET"}))
    assert one(name, source("redis 8.2.3"), denied).blocks == FOLLOWING


@pytest.mark.parametrize(
    ("old", "new", "whole"),
    [
        ("redis 6.2.14", "valkey 9.1.2", True),
        ("redis 6.2.14", "redis 8.2.3", True),
        ("redis 8.2.3", "valkey 9.1.2", False),
        ("valkey 9.1.2", "redis 8.2.3", False),
        ("valkey 8.0.1", "redis 7.2.4", True),
        ("valkey 9.1.2", "valkey 8.0.1", False),
        ("redis 8.2.3", "redis 7.4.0", True),
        ("redis 7.0.1", "redis 6.2.14", False),
    ],
)
def test_dump_versions_decide_on_how_keys_are_copied(old: str, new: str, whole: bool) -> None:
    assert bool(found("copy format", source(old), target(new))) is not whole


def test_modules_block_by_what_may_depend_on_them() -> None:
    graph = frozenset({"graph"})
    assert one("modules", source(modules=graph)).blocks == FOLLOWING
    assert not found("modules", source(modules=graph), target(modules=graph))
    core = source(modules=frozenset({"vectorset"}))
    assert one("modules", core).level == "warning"
    seen = {"vectorset": Census((), complete=True)}
    assert not found("modules", replace(core, censuses=seen))
    some = one("modules", replace(core, unseen={"censuses": "SCAN is not permitted"}, censuses=seen))
    assert "SCAN is not permitted" in some.sentence
    used = replace(core, sample=Sample(10, 0, (), frozenset({"string", "vectorset"})))
    finding, doubt = found("modules", used)
    assert (finding.blocks, doubt.level) == (FOLLOWING, "warning")
    assert "there are keys of vectorset" in finding.sentence
    assert "Not all keys under rehearsal: could be looked at" in doubt.sentence
    ours = Sample(10, 0, (), frozenset({"vectorset"}), frozenset({"vectorset"}))
    assert one("modules", replace(core, sample=ours)).blocks == FOLLOWING | COPYING
    # That none of ours was found says little where not all were looked at.
    seen_ours = {"vectorset": Census((), complete=True)}
    assert len(found("modules", replace(used, own_censuses=seen_ours))) == 1
    # Of one that no sample shows, too.
    some_census = {"vectorset": Census(("vectors:1",), complete=False)}
    finding, _ = found("modules", replace(core, censuses=some_census))
    assert finding.blocks == FOLLOWING
    assert one("modules", replace(core, censuses=some_census, own_censuses=some_census)).blocks == FOLLOWING | COPYING
    assert "there are keys of vectorset, as vectors:1" in finding.sentence
    # Keys of a module that the target has stand in nobody's way.
    held = Sample(10, 0, (), frozenset({"ReJSON-RL"}), frozenset({"ReJSON-RL"}))
    json = replace(core, modules=frozenset({"vectorset", "ReJSON"}), sample=held)
    assert one("modules", json, target(modules=frozenset({"ReJSON"}))).level == "warning"
    assert one("modules", json).blocks == FOLLOWING | COPYING
    # Of a module that is missing there may be keys all the same, where another one has their type.
    both = replace(json, modules=frozenset({"ReJSON"}), censuses={"ReJSON-RL": Census(("doc:1",), complete=True)})
    (finding,) = [each for each in judge(both, target(modules=frozenset({"json"})), PLAN) if each.name == "modules"]
    assert (finding.level, "has the types (ReJSON-RL)" in finding.sentence) == ("ok", True)


def test_what_is_built_in_is_no_module_that_is_missing() -> None:
    lua = frozenset({"lua"})
    old = source("valkey 9.1.2", modules=lua, parts=lua)
    assert not found("modules", old, target("redis 8.2.3", modules=frozenset({"vectorset"})))
    engine = frozenset({"lua", "some-engine", "graph"})
    finding = one("modules", source("valkey 9.1.2", modules=engine, parts=engine - {"graph"}))
    assert finding.sentence.startswith("The target lacks modules of the source: graph, and an RDB")


def test_keys_that_only_go_whole_block_copying_where_they_cannot() -> None:
    bloom = frozenset({"bf"})
    bloomed = frozenset({"MBbloom--"})
    held: dict[str, Any] = {"modules": bloom, "sample": Sample(10, 0, (), bloomed, bloomed)}
    theirs: dict[str, Any] = {"modules": bloom, "sample": Sample(10, 0, (), bloomed)}
    assert one("copy format", source("redis 8.2.3", **theirs), target(modules=bloom)).level == "warning"
    assert one("copy format", source("redis 8.2.3", **held), target(modules=bloom)).blocks == COPYING
    assert not found("copy format", source("redis 6.2.14", **held), target(modules=bloom))
    json: dict[str, Any] = {"modules": frozenset({"ReJSON"}), "sample": Sample(10, 0, (), frozenset({"ReJSON-RL"}))}
    assert one("copy format", source("redis 8.2.3", **json), target(modules=frozenset({"json"}))).level == "warning"


def test_what_dump_lacks_is_done_type_by_type_unless_it_was_asked_for() -> None:
    no_dump, no_restore = source(denied=frozenset({"DUMP"})), target(denied=frozenset({"RESTORE"}))
    assert "The source denies DUMP" in one("copy format", no_dump).sentence
    assert "The target denies RESTORE" in one("copy format", source(), no_restore).sentence
    assert one("copy format", no_dump).level == one("copy format", source(), no_restore).level == "warning"
    by_dump, by_type = replace(PLAN, copy_method="dump"), replace(PLAN, copy_method="types")
    for old, new in ((no_dump, target()), (source(), no_restore), (source("redis 8.2.3"), target())):
        assert one("copy format", old, new, by_dump).blocks == COPYING
        assert not found("copy format", old, new, by_type)
    assert one("permissions", no_dump, plan=by_dump).blocks == COPYING
    assert not found("permissions", no_dump, plan=by_type)
    assert one("permissions", source(denied=frozenset({"HGETALL"})), plan=by_type).blocks == COPYING


def test_functions_scripts_and_users_are_named() -> None:
    assert "lacks: lib." in one("functions", source(functions=("lib",))).sentence
    assert not found("functions", source(functions=("lib",)), target(functions=("lib",)))
    assert one("scripts", source(info={"number_of_cached_scripts": "2"})).level == "warning"
    many = ("default", *(f"u{number}" for number in range(9)))
    assert "u0, u1, u2, u3, u4 and 4 more" in one("users", source(users=many)).sentence


def test_what_is_denied_blocks_what_needs_it() -> None:
    def blocked(name: str, **changes: Any) -> frozenset[str]:
        plan = Plan(allow_server_wide=True, freeze=changes.pop("freeze", "client"))
        old, new = source(**changes), target()
        if name == "target":
            old, new = source(), target(**changes)
        findings = found("permissions", old, new, plan)
        return findings[0].blocks if findings else frozenset()

    assert blocked("target", denied=frozenset({"REPLICAOF"})) == FOLLOWING
    assert blocked("target", denied=frozenset({"RESTORE"})) == frozenset()
    assert blocked("target", denied=frozenset({"RESTORE", "RENAME"})) == COPYING
    assert blocked("target", denied=frozenset({"INCR"})) == SWITCHING
    assert blocked("source", denied=frozenset({"INCR"})) == ALL
    assert blocked("source", denied=frozenset({"DUMP"})) == frozenset()
    assert blocked("source", denied=frozenset({"DUMP", "HGETALL"})) == COPYING
    assert blocked("source", denied=frozenset({"TYPE"})) == COPYING
    assert blocked("source", denied=frozenset({"TIME"})) == COPYING
    assert blocked("source", identity=identity("redis 7.0.15", "source"), denied=frozenset({"TIME"})) == frozenset()
    assert blocked("target", denied=frozenset({"PTTL"})) == COPYING
    assert blocked("target", denied=frozenset({"EXISTS"})) == FOLLOWING
    assert blocked("source", denied=frozenset({"PSYNC"})) == FOLLOWING
    assert blocked("target", denied=frozenset({"DUMP", "CONFIG SET", "CLIENT PAUSE"})) == frozenset()
    assert blocked("source", denied=frozenset({"CLIENT PAUSE"})) == frozenset()
    assert blocked("source", denied=frozenset({"CLIENT PAUSE"}), freeze="server") == SWITCHING


def test_a_password_of_the_source_needs_config_on_the_target() -> None:
    old = source(endpoint=Endpoint("10.0.0.1", 6379, password="geheim"))
    finding = one("permissions", old, target(denied=frozenset({"CONFIG SET"})))
    assert (finding.blocks, finding.sentence) == (FOLLOWING, "The target denies CONFIG SET.")
    assert "+config|set" in finding.advice


def test_copying_type_by_type_needs_other_commands() -> None:
    no_dump = source("redis 8.2.3", denied=frozenset({"DUMP"}))
    assert not found("permissions", no_dump)
    assert one("permissions", replace(no_dump, denied=frozenset({"HGETALL"}))).blocks == COPYING


def test_what_acts_on_whole_servers_must_be_allowed() -> None:
    name = "server-wide actions"
    assert one(name, plan=Plan()).blocks == FOLLOWING
    assert not found(name, plan=Plan(ours=frozenset({"target"})))
    assert [each.blocks for each in found(name, plan=Plan(freeze="server"))] == [FOLLOWING, SWITCHING]
    old = source("redis 5.0.1")
    assert one(name, old, plan=Plan(freeze="server", allow_server_wide=True)).blocks == SWITCHING


def test_a_server_that_refuses_writes_is_a_blocker() -> None:
    finding = one("writes", new=target(refusal="OOM command not allowed when used memory > 'maxmemory'."))
    assert finding.blocks == SWITCHING


def test_the_target_must_be_able_to_find_the_source() -> None:
    assert one("address", source(endpoint=Endpoint(path="/s.sock"))).blocks == FOLLOWING
    local = source(endpoint=Endpoint("localhost", 6379))
    assert one("address", local).blocks == FOLLOWING
    assert not found("address", local, target(endpoint=Endpoint("127.0.0.1", 6380)))


def test_what_is_written_during_a_synchronisation_must_fit() -> None:
    name = "replica output buffer"
    # 100 MiB are 2 s, in which 300 MB are written.
    finding = one(name, source(write_bytes_per_second=150e6))
    assert "some 2 s" in finding.sentence
    assert "client-output-buffer-limit" in finding.advice
    tiny = {"client-output-buffer-limit": "replica 65536 65536 1"}
    assert "above 64 KiB of what it has yet to send" in one(name, source(config=tiny)).sentence
    unlimited = {"client-output-buffer-limit": "replica 0 0 0"}
    assert not found(name, source(write_bytes_per_second=150e6, config=unlimited))
    soft = {"client-output-buffer-limit": "slave 0 1000 1"}
    assert not found(name, source(write_bytes_per_second=1000, config=soft))
    assert found(name, source(write_bytes_per_second=10_000, config=soft))
    assert "could not be seen" in one(name, source(config={"client-output-buffer-limit": "nonsense"})).sentence


def test_the_backlog_must_bridge_a_break() -> None:
    finding = one("replication backlog", source(write_bytes_per_second=MIB, write_rate_exact=False))
    assert "at most 1 MiB/s" in finding.sentence
    assert "bridges 1 s" in finding.sentence


def test_notifications_that_differ_are_a_warning() -> None:
    assert one("keyspace notifications", source(config={"notify-keyspace-events": "KEA"})).level == "warning"
    both = {"notify-keyspace-events": "AKE"}
    same = {"notify-keyspace-events": "KEA"}
    assert not found("keyspace notifications", source(config=both), target(config=same))


def test_clocks_are_held_against_ours_and_each_other() -> None:
    apart = [
        each.sentence for each in found("clocks", source(clock_offset_seconds=-0.8), target(clock_offset_seconds=0.8))
    ]
    assert apart == ["The clocks of source and target are 1.6 s apart."]
    assert len(found("clocks", new=target(clock_offset_seconds=5.0))) == 2
    assert not found("clocks", new=target(clock_offset_seconds=5.0, clock_error_seconds=4.5))


def test_encryption_must_fit_together() -> None:
    tls_source = source(endpoint=Endpoint("10.0.0.1", 6379, tls=True))
    assert one("encryption", tls_source).level == "warning"
    without = target(config={"tls-replication": None})
    assert [each.blocks for each in found("encryption", tls_source, without)] == [frozenset(), FOLLOWING]
    assert one("encryption", new=target(config={"tls-replication": "yes"})).blocks == FOLLOWING


@pytest.mark.parametrize(("before", "after", "warned"), [(0.1, 0.5, False), (1, 3, True), (8, 9, False), (8, 12, True)])
def test_a_target_that_is_far_away_is_a_warning(before: float, after: float, warned: bool) -> None:
    old, new = source(round_trip_seconds=before / 1000), target(round_trip_seconds=after / 1000)
    assert bool(found("round trip", old, new)) is warned


def test_connections_must_be_to_be_had() -> None:
    assert one("connections", new=target(info={"maxclients": "100"})).blocks == SWITCHING
    assert one("connections", source(info={"maxclients": "100"})).blocks == ALL
    assert one("connections", new=target(info={"maxclients": "110"})).level == "warning"


def test_replication_does_not_lead_to_another_database() -> None:
    moved = target(endpoint=Endpoint("10.0.0.2", 6379, database=3))
    assert any(each.blocks == FOLLOWING for each in found("databases", new=moved))
    same = found("databases", source(endpoint=Endpoint("10.0.0.1", 6379, database=3)), moved)
    assert not any(each.blocks for each in same)


def test_more_than_one_server_behind_an_address_is_told() -> None:
    assert found("attribution") == []
    mixed = one("attribution", new=target(answered=(("a", "b", "a"),)))
    spread = one("attribution", new=target(answered=(("a", "a"), ("b", "b"))))
    assert mixed.level == spread.level == "warning"
    assert "observe cannot pass" in mixed.advice
    assert "Connections to" in spread.sentence
    assert one("attribution", new=target(answered=(("", ""),))).level != "ok"
