"""Whose answer was it? A server is known by connection and not by its address."""

import json
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import counters, ledger_of, require_unproven
from tests.acceptance.rehearsing import criteria, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.proxy import Link, Proxy
from tests.support import command, wait_for

OBSERVE = ("rehearse", "--strategy", "observe", "--baseline", "4s", "--observe", "6s")
LOAD = {"EVENTS_PER_SECOND": "300", "QUERIES_PER_SECOND": "300"}


def follower(make_server: MakeServer, source: RedisServer) -> RedisServer:
    """A replica of the source that has all that it has."""
    server = make_server(name="valkey-9.1")
    with outside(server) as client:
        client.replicaof("127.0.0.1", source.port)
        wait_for(lambda: client.info("replication")["master_link_status"] == "up", "a replica")
    return server


def missing_on(server: RedisServer, document: dict[str, Any]) -> int:
    """How many of the acknowledged increments a server lacks, which are many."""
    with outside(server) as client:
        missing = int(document["ledger"]["acknowledged"]) - counters(client)
    assert missing > 100
    return missing


@pytest.mark.parametrize(
    ("share", "workers"),
    [
        ("half", "1"),
        pytest.param("all", "1", marks=pytest.mark.matrix),
        pytest.param("one", "1", marks=pytest.mark.matrix),
        pytest.param("all", "2", marks=pytest.mark.matrix),
    ],
)
def test_what_old_connections_write_after_the_endpoint_moved_is_stranded(
    tmp_path: Path, given: dict[str, str], source: RedisServer, make_server: MakeServer, share: str, workers: str
) -> None:
    new = follower(make_server, source)
    with Proxy(source.port) as proxy:
        given |= {"REDIS_URL": proxy.url, "WORKERS": workers, **LOAD}
        with command(tmp_path, *OBSERVE, **given) as run:
            until_phase(run, "prepare")
            with outside(new) as promoted:
                promoted.replicaof("NO", "ONE")
            writing = 0

            def stay(place: int, link: Link) -> bool:
                nonlocal writing
                writing += link.name.endswith("writes")
                return {"all": True, "half": place % 2 == 0, "one": link.name.endswith("writes") and writing == 1}[
                    share
                ]

            proxy.move(new.port, stay)
            document = judged(run)
    missing = missing_on(new, document)
    missing_said, stranded, at_most = ledger_of(document, "missing", "stranded", "stranded_at_most")
    assert missing_said == missing
    assert 0 < stranded <= missing
    # All that is missing was acknowledged by the old server after the new one was promoted.
    assert at_most >= stranded
    assert criteria(document)["stranded"]["status"] == "failed"
    assert criteria(document)["migration"]["status"] == "passed"
    assert document["verdict"]["status"] == "fail"
    assert [each["kind"] for each in document["annotations"]] == ["server-changed"]
    assert document["annotations"][0]["server"] == "source"


@pytest.mark.matrix
def test_what_is_not_settled_when_a_live_migration_is_judged_is_not_lost_for_sure(
    tmp_path: Path, given: dict[str, str], source: RedisServer, make_server: MakeServer
) -> None:
    new = follower(make_server, source)
    with Proxy(source.port) as proxy:
        given |= {"REDIS_URL": proxy.url, **LOAD}
        with command(tmp_path, "run", **given) as run:
            run.until_running()
            body = {"strategy": "observe", "baseline": 4, "observe": 6, "max_stranded": 10_000_000}
            code, said = run.post("/api/migrations", body)
            assert code < 300, said
            until_phase(run, "prepare")
            with outside(new) as promoted:
                promoted.replicaof("NO", "ONE")
            # The old server goes on acknowledging, up to the moment of the judging and beyond.
            proxy.move(new.port, lambda place, link: True)

            def verdict() -> Any:
                return json.loads(run.get("/api/migrations")[1])[-1]["verdict"]

            found = wait_for(verdict, "a verdict", 60)
            run.interrupt()
            run.wait()
            document = run.stats_left()
    statuses = {each["name"]: each["status"] for each in found["criteria"]}
    assert (statuses["lost"], statuses["stranded"]) in {("unknown", "passed"), ("passed", "passed")}
    missing = missing_on(new, document)
    # Nothing is acknowledged any more: all of it is settled, but for what came as it moved.
    lost, lost_at_most, stranded, at_most = ledger_of(document, "lost", "lost_at_most", "stranded", "stranded_at_most")
    assert (lost, ledger_of(document, "missing")) == (0, [missing])
    assert stranded <= missing <= at_most
    assert lost_at_most < missing / 4


def test_where_nothing_moved_a_lost_connection_is_no_move(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with Proxy(source.port) as proxy:
        given |= {"REDIS_URL": proxy.url, **LOAD}
        arguments = ("--strategy", "observe", "--baseline", "3s", "--observe", "3s")
        limits = ("--max-failed-queries", "1", "--max-failed-events", "1")
        with command(tmp_path, "rehearse", *arguments, *limits, **given) as run:
            until_phase(run, "prepare")
            assert proxy.cut(lambda link: link.name.endswith("reads")) > 0
            document = judged(run)
    assert criteria(document)["migration"]["status"] == "unknown"
    assert "was the same server all along" in document["migration"]["reason"]
    require_unproven(document)
    assert document["annotations"] == []


@pytest.mark.matrix
def test_an_endpoint_that_moved_to_a_read_only_replica_is_down_for_writes(
    tmp_path: Path, given: dict[str, str], source: RedisServer, make_server: MakeServer
) -> None:
    new = follower(make_server, source)
    with Proxy(source.port) as proxy:
        given |= {"REDIS_URL": proxy.url, **LOAD}
        with command(tmp_path, *OBSERVE, **given) as run:
            until_phase(run, "prepare")
            proxy.move(new.port, lambda place, link: False)
            document = judged(run)
    found = criteria(document)
    assert found["event_downtime"]["status"] == found["failed_events"]["status"] == "failed"
    assert document["downtime"]["events"]["unfinished"]
    assert document["totals"]["events"]["in_flight"] == 0
    assert document["failures"]["events"]["READONLY"] > 1_000
    assert ledger_of(document, "duplicated", "lost") == [0, 0]


@pytest.mark.matrix
def test_an_endpoint_whose_new_connections_reach_a_replica_has_not_moved_well(
    tmp_path: Path, given: dict[str, str], source: RedisServer, make_server: MakeServer
) -> None:
    new = follower(make_server, source)
    with Proxy(source.port) as proxy:
        given |= {"REDIS_URL": proxy.url}
        arguments = ("rehearse", "--strategy", "observe", "--baseline", "3s", "--observe", "4s")
        with command(tmp_path, *arguments, **given) as run:
            until_phase(run, "prepare")
            # All that is open stays on the old server, and nothing fails.
            proxy.move(new.port, lambda place, link: True)
            document = judged(run)
    with outside(new) as replica:
        assert replica.info("replication")["role"] == "slave"
    migration = criteria(document)["migration"]
    assert (migration["status"], document["verdict"]["status"]) == ("failed", "fail")
    assert "reach a replica" in migration["reason"]
    assert criteria(document)["failed_events"]["status"] == "passed"


@pytest.mark.matrix
def test_a_target_whose_address_leads_to_its_replica_in_the_end_takes_no_new_connections(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer, make_server: MakeServer
) -> None:
    with Proxy(fresh_target.port) as proxy:
        given |= {"TARGET_REDIS_URL": proxy.url}
        arguments = ("rehearse", "--strategy", "copy", "--baseline", "3s", "--observe", "6s", "--allow-server-wide")
        with command(tmp_path, *arguments, **given) as run:
            until_phase(run, "recovery")
            proxy.move(follower(make_server, fresh_target).port, lambda place, link: True)
            document = judged(run)
    found = criteria(document)
    assert (found["migration"]["status"], document["verdict"]["status"]) == ("failed", "fail")
    assert found["lost"]["status"] == "passed"


@pytest.mark.matrix
def test_an_error_of_a_proxy_says_nothing_of_what_was_applied(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    replaced = 0

    def answers(data: bytes) -> bytes:
        nonlocal replaced
        # The reply to one INCR that was applied; what else answers with a number does not get that high.
        if replaced < 3 and data.startswith(b":") and data.count(b"\r\n") == 1 and int(data[1:-2]) > 20:
            replaced += 1
            return b"-ERR upstream timeout\r\n"
        return data

    with Proxy(fresh_target.port) as proxy:
        given |= {"TARGET_REDIS_URL": proxy.url, **LOAD, "EVENTS_PER_SECOND": "60"}
        arguments = ("rehearse", "--strategy", "copy", "--baseline", "4s", "--observe", "6s", "--allow-server-wide")
        with command(tmp_path, *arguments, **given) as run:
            until_phase(run, "recovery")
            proxy.answers = answers
            document = judged(run)
    assert replaced == 3
    assert ledger_of(document, "unknown", "duplicated", "lost") == [3, 0, 0]
    found = criteria(document)
    assert found["duplicated"]["status"] == "unknown"
    assert found["lost"]["status"] == "passed"


def status(run: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.get("/api/status")[1])
    return document


def test_a_server_that_only_some_workers_can_use_is_used_by_none(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer, source: RedisServer, fresh_target: RedisServer
) -> None:
    # Enough for one worker and the coordinator, and for some connections of the other worker.
    small = make_server("--maxclients", "15", name="valkey-9.1")
    given |= LOAD | {"WORKERS": "2", "REDIS_POOL_SIZE": "20", "TARGET_REDIS_URL": fresh_target.url}
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        code, said = run.post("/api/switch", {"to": small.url})
        assert code >= 400, said
        assert "connections" in said
        with outside(small) as client:
            wait_for(lambda: len(client.client_list()) == 1, "all connections to be given back")
        code, said = run.post("/api/switch", {"to": "target"})
        assert code == 200, said
        with outside(fresh_target) as client:
            before = counters(client)
            wait_for(lambda: counters(client) > before + 50, "writes to the target that was named")
        run.interrupt()
        document = run.document()
    with outside(small) as client:
        assert client.dbsize() == 0
    # All of it is on the two servers that were named when it began.
    with outside(fresh_target) as client, outside(source) as old:
        assert document["ledger"]["acknowledged"] == counters(client) + counters(old)
    assert document["ledger"]["unknown"] == 0


def test_a_switch_that_is_refused_has_changed_nothing(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    held = make_server(name="valkey-9.1")
    with outside(held) as client:
        client.set("rehearsal:lock", "another run", ex=60)
    given |= LOAD
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        code, said = run.post("/api/switch", {"to": held.url})
        assert code >= 400, said
        assert "run" in said
        code, said = run.post("/api/switch", {"to": "target"})
        assert code == 200, said
        run.until_running(run.ok_queries() + 300)
        run.interrupt()
        run.document()
    with outside(held) as client:
        assert set(client.scan_iter("*")) == {b"rehearsal:lock"}
        assert client.get("rehearsal:lock") == b"another run"
