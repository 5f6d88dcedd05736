""""""

import threading
from dataclasses import replace

import pytest

from redis_rehearsal.embedded.redis_server import server_binary
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.keyspace import sample
from redis_rehearsal.migration.preflight.look import STRATEGY_NAMES, remaining_strategies
from tests.conftest import MakeServer
from tests.integration.migration.looking import PLAN, facts_of, looked_at, looked_at_all, named, outside, url

SERVERS = ("redis-6.2", "redis-8.2", "valkey-9.1")


def test_good_servers_leave_every_strategy_and_are_not_changed(make_server: MakeServer) -> None:
    old, new = make_server(name="redis-6.2"), make_server(name="valkey-9.1")
    with outside(old) as client:
        client.mset({"rehearsal:a": 1, "other": 2})
    findings = looked_at(old.url, new.url)
    assert remaining_strategies(findings) == STRATEGY_NAMES
    for server, keys in ((old, 2), (new, 0)):
        with outside(server) as client:
            assert client.dbsize() == keys
            calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in client.info("commandstats").items()}
            assert client.info("replication")["role"] == "master"
        changing = ("set", "incr", "del", "restore", "replicaof", "client|pause", "config|set", "hset", "xadd")
        wrote = {name: calls.get(name, 0) for name in changing}
        # The client's own MSET apart, nothing that changes anything was executed.
        assert wrote == dict.fromkeys(changing, 0)
        assert calls.get("exec", 0) == 0


def test_every_fact_of_each_server_is_seen(make_server: MakeServer) -> None:
    for name in ("redis-6.2", "redis-8.2", "valkey-9.1"):
        facts = facts_of(make_server(name=name).url)
        assert dict(facts.unseen) == {}
        assert facts.denied == frozenset()
        assert facts.users == ("default",)
        assert facts.keyspace == {}
        assert facts.clock_offset_seconds == pytest.approx(0, abs=0.5)


def test_an_older_redis_cannot_follow_a_newer_one(make_server: MakeServer) -> None:
    findings = looked_at(make_server(name="redis-8.2").url, make_server(name="redis-6.2").url)
    (finding,) = named(findings, "replication format")
    assert "which redis 6.2.14 cannot read" in finding.sentence
    assert "replicate" not in remaining_strategies(findings)
    assert "copy" in remaining_strategies(findings)


def test_between_plain_servers_only_what_cannot_be_read_is_blocked(make_server: MakeServer) -> None:
    sources, targets = ({name: make_server(name=name) for name in SERVERS} for _ in range(2))
    for server in sources.values():
        with outside(server) as client:
            client.set("rehearsal:a", 1)
            client.hset("rehearsal:h", "field", "value")
    pairs = [(old, new) for old in SERVERS for new in SERVERS]
    looks = looked_at_all([(sources[old].url, targets[new].url) for old, new in pairs])
    for (old, new), findings in zip(pairs, looks, strict=True):
        unread = {"replicate"} if new == "redis-6.2" != old else set()
        assert set(remaining_strategies(findings)) == set(STRATEGY_NAMES) - unread, (old, new)
        assert not named(findings, "modules"), (old, new)
        assert not named(findings, "field TTLs"), (old, new)


def test_field_ttls_in_any_database_are_found_and_named(make_server: MakeServer) -> None:
    sources = {name: make_server(name=name) for name in ("redis-8.2", "valkey-9.1")}
    targets = {name: make_server(name=name) for name in SERVERS}
    for server in sources.values():
        with outside(server, db=3) as client, client.pipeline() as pipe:
            for number in range(300):
                pipe.hset(f"plain:{number}", "field", "value")
            for number in range(12):
                pipe.hset(f"ending:{number}", mapping={f"field:{each}": "value" for each in range(300)})
                pipe.execute_command("HEXPIRE", f"ending:{number}", 1000, "FIELDS", 1, "field:250")
            pipe.execute()
    pairs = [(old, new) for old in sources for new in targets]
    looks = looked_at_all([(sources[old].url, targets[new].url) for old, new in pairs])
    for (old, new), findings in zip(pairs, looks, strict=True):
        assert ("replicate" in remaining_strategies(findings)) is (old == new)
        assert bool(named(findings, "field TTLs")) is (old != new)
        for finding in named(findings, "field TTLs"):
            assert "holds 12 hashes with fields" in finding.sentence
            assert finding.sentence.count("ending:") == 10
            assert "and others" in finding.sentence


def test_field_ttls_block_also_where_nobody_may_look_at_the_hashes(make_server: MakeServer) -> None:
    denied = {"-scan": False, "-hscan": False, "-hpexpiretime": False, "-select": False, "-debug": True}
    users = [
        each
        for name, right in zip("abcde", denied, strict=True)
        for each in ("--user", name, "on", ">geheim", "~*", "+@all", right)
    ]
    old, new = make_server(*users, name="redis-8.2"), make_server(name="valkey-9.1")
    with outside(old) as client:
        client.set("other", 1)
    with outside(old, db=3) as client:
        client.hset("h", "field", "value")
        client.hexpire("h", 1000, "field")
    looks = looked_at_all([(url(old, f"{name}:geheim@"), new.url) for name in "abcde"])
    for findings, names_it in zip(looks, denied.values(), strict=True):
        (finding,) = named(findings, "field TTLs")
        assert "holds 1 hashes" in finding.sentence
        assert ("(h)" in finding.sentence) is names_it
        assert finding.blocks == {"replicate"}


def test_a_key_that_only_a_part_of_the_source_reads_is_found_beyond_the_sample(make_server: MakeServer) -> None:
    old, new = make_server(name="redis-8.2"), make_server(name="valkey-9.1")
    with outside(old, db=5) as client:
        client.execute_command("VADD", "vectors", "VALUES", 3, 1, 2, 3, "element")
    beside, same = looked_at_all([(old.url, new.url), (old.url, make_server(name="redis-8.2").url)])
    (finding,) = named(beside, "modules")
    assert "there are keys of vectorset, as vectors." in finding.sentence
    # Nothing copies it: it is not ours.
    assert finding.blocks == {"replicate"}
    assert not named(same, "modules")
    with outside(old, db=0) as client:
        client.mset({f"rehearsal:{number}": number for number in range(5000)})
        client.execute_command("VADD", "rehearsal:vectors", "VALUES", 3, 1, 2, 3, "element")
    (finding,) = named(looked_at(old.url, new.url), "modules")
    assert finding.blocks == {"replicate", "copy", "dual-write", "fallback"}


def test_keys_anywhere_on_the_target_block_replication(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    with outside(new, db=3) as client:
        client.set("somebody's", 1)
    findings = looked_at(old.url, new.url)
    (finding,) = named(findings, "databases")
    assert "1 in db 3" in finding.sentence
    assert set(remaining_strategies(findings)) == {"cold", "copy", "dual-write", "fallback", "external", "observe"}


def test_keys_under_our_prefix_are_counted_without_the_lock(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    with outside(new) as client:
        client.mset({f"rehearsal:{number}": 1 for number in range(30)} | {"rehearsal:lock": 1, "other": 1})
    (finding,) = named(looked_at(old.url, new.url), "our keys")
    assert "holds 30 keys under rehearsal:" in finding.sentence
    assert not named(looked_at(old.url, new.url, replace(PLAN, key_prefix="else:")), "our keys")


def test_a_target_without_room_is_found(make_server: MakeServer) -> None:
    old, new = make_server(), make_server("--maxmemory", "3mb", name="valkey-9.1")
    with outside(old) as client:
        client.set("rehearsal:large", b"x" * 8_000_000)
    (finding,) = named(looked_at(old.url, new.url), "memory")
    assert "3 MiB (maxmemory). It would refuse writes (noeviction)." in finding.sentence
    assert finding.blocks == {"copy", "dual-write", "fallback", "external", "replicate"}
    # What others have there is not copied; what follows the source has all of it.
    with outside(old, db=7) as client:
        client.set("theirs", 1)
    (finding,) = named(looked_at(old.url, new.url), "memory")
    assert finding.blocks == {"replicate"}


def test_what_is_to_be_cleared_away_takes_no_room_and_stands_in_no_way(make_server: MakeServer) -> None:
    old, new = make_server(), make_server("--maxmemory", "11mb", name="valkey-9.1")
    for server in (old, new):
        with outside(server) as client:
            client.mset({f"rehearsal:{number}": b"x" * 8_000 for number in range(700)})
    plan = replace(PLAN, clear_target=True)
    kept, cleared = looked_at(old.url, new.url), looked_at(old.url, new.url, plan)
    assert named(kept, "memory")
    assert named(kept, "databases")
    assert not named(cleared, "memory")
    assert remaining_strategies(cleared) == STRATEGY_NAMES


def test_a_full_target_refuses_writes(make_server: MakeServer) -> None:
    old, new = make_server(), make_server("--maxmemory", "1", name="valkey-9.1")
    (finding,) = named(looked_at(old.url, new.url), "writes")
    assert "OOM" in finding.sentence


def test_a_value_above_what_the_target_takes_is_said(make_server: MakeServer) -> None:
    old, new = make_server(), make_server("--proto-max-bulk-len", "1mb", name="valkey-9.1")
    with outside(old) as client:
        client.hset("rehearsal:large", "field", b"x" * 2_000_000)
        client.set("others:string", b"x" * 1_500_000)
    findings = looked_at(old.url, new.url)
    (finding,) = named(findings, "large values")
    assert "rehearsal:large (" in finding.sentence
    assert "1 MiB at once (proto-max-bulk-len)" in finding.sentence
    assert remaining_strategies(findings) == STRATEGY_NAMES
    with outside(old) as client:
        client.set("rehearsal:string", b"x" * 1_500_000)
    findings = looked_at(old.url, new.url)
    (finding,) = named(findings, "large values")
    assert "a string rehearsal:string (" in finding.sentence
    assert finding.blocks == {"copy", "dual-write", "fallback"}


def test_functions_scripts_and_users_of_the_source_are_named(make_server: MakeServer) -> None:
    old, new = make_server(name="redis-8.2"), make_server(name="valkey-9.1")
    with outside(old) as client:
        client.function_load("#!lua name=ours\nredis.register_function('f', function() return 1 end)")
        client.script_load("return 1")
        client.execute_command("ACL", "SETUSER", "app", "on", ">geheim")
    findings = looked_at(old.url, new.url)
    assert "ours" in named(findings, "functions")[0].sentence
    assert "(1)" in named(findings, "scripts")[0].sentence
    assert "app" in named(findings, "users")[0].sentence
    assert "geheim" not in repr(findings)


def test_a_module_that_the_target_lacks_is_named(make_server: MakeServer) -> None:
    module = server_binary("redis-8.2").parent / "falkordb.so"
    if not module.exists():
        pytest.skip("there is no module here")
    try:
        old = make_server("--loadmodule", str(module), name="redis-8.2")
    except ServerRefusedError as error:
        pytest.skip(f"the module does not load here: {error}")
    new = make_server(name="redis-8.2")
    (finding,) = named(looked_at(old.url, new.url), "modules")
    assert "graph" in finding.sentence
    assert finding.blocks == {"replicate"}
    with outside(old) as client:
        client.execute_command("GRAPH.QUERY", "rehearsal:g", "CREATE (:A)")
    (finding,) = named(looked_at(old.url, new.url), "modules")
    assert {"replicate", "copy"} <= finding.blocks
    assert not named(looked_at(new.url, old.url), "modules")


def test_big_keys_are_named_and_cannot_upset_the_terminal(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    with outside(old) as client:
        client.set(b"big\x1b[31m\xff", b"x" * 11_000_000)
        client.set("small", 1, ex=100)
    findings = looked_at(old.url, new.url)
    (finding,) = named(findings, "big keys")
    assert "big?[31m" in finding.sentence
    assert "50% of 2 keys" in named(findings, "expiry")[0].sentence


def test_at_most_some_thousand_keys_are_looked_at(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that does something else meanwhile looks at fewer in its time.
    monkeypatch.setattr(sample, "_SCAN_SECONDS", 60.0)
    server = make_server()
    with outside(server) as client:
        client.mset({f"key:{number}": 1 for number in range(10_000)})
    seen = facts_of(server.url).sample
    assert seen is not None
    assert (seen.keys, seen.without_ttl, seen.types) == (2000, 2000, frozenset({"string"}))


def test_replicas_and_clusters_are_blockers(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    with outside(new) as client:
        client.replicaof("127.0.0.1", str(old.port))
    findings = looked_at(old.url, new.url)
    found = named(findings, "role")
    assert {each.level for each in found} == {"blocker", "warning"}
    assert any(f"127.0.0.1:{old.port}" in each.sentence for each in found)
    # A tool of the user's may promote it; nothing else does.
    assert remaining_strategies(findings) == ("external", "observe")
    cluster = make_server("--cluster-enabled", "yes", name="valkey-9.1")
    assert remaining_strategies(looked_at(old.url, cluster.url)) == ()


def test_one_server_under_two_addresses_is_found(make_server: MakeServer) -> None:
    server = make_server()
    assert named(looked_at(server.url, server.url.replace("127.0.0.1", "localhost")), "two servers")


def test_the_rate_of_writes_is_that_of_the_replication_stream_where_there_is_one(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(name="valkey-9.1")
    assert not facts_of(old.url).write_rate_exact
    with outside(new) as client:
        client.replicaof("127.0.0.1", str(old.port))
    with outside(old) as client:
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                client.set("k", b"x" * 10_000)

        writing = threading.Thread(target=write)
        writing.start()
        try:
            for _ in range(50):
                if client.info("replication")["connected_slaves"]:
                    break
            facts = facts_of(old.url)
        finally:
            stop.set()
            writing.join()
    assert facts.write_rate_exact
    assert (facts.write_bytes_per_second or 0) > 10_000
