"""Going back to the source with what was written on the target."""

from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import (
    counters,
    ledger_of,
    require_pass,
)
from tests.acceptance.rehearsing import QUICK, failed, judged, outside, until_phase
from tests.conftest import MakeServer
from tests.support import command


@pytest.mark.parametrize(
    ("source_name", "target_name", "freeze", "how"),
    [
        ("redis-6.2", "valkey-9.1", "server", "copy, since it cannot replicate"),
        pytest.param("redis-8.2", "valkey-9.1", "client", "replicate", marks=pytest.mark.matrix),
        pytest.param("valkey-9.1", "valkey-9.1", "server", "replicate", marks=pytest.mark.matrix),
        pytest.param("redis-6.2", "redis-6.2", "client", "replicate", marks=pytest.mark.matrix),
    ],
)
def test_the_way_back_keeps_what_was_written_meanwhile(
    tmp_path: Path,
    given: dict[str, str],
    make_server: MakeServer,
    source_name: str,
    target_name: str,
    freeze: str,
    how: str,
) -> None:
    source, target = make_server(name=source_name), make_server(name=target_name)
    given |= {"REDIS_URL": source.url, "TARGET_REDIS_URL": target.url}
    arguments = ("--strategy", "replicate", "--freeze", freeze, "--then", "rollback", *QUICK)
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    require_pass(document)
    assert ledger_of(document, "lost", "lost_at_most", "duplicated", "stranded") == [0] * 4
    assert document["migration"]["application_on"] == {"reads": "source", "writes": "source", "confirmed": True}
    assert document["migration"]["return_freeze_seconds"] > 0
    assert document["comparison"]["unexplained"] == 0 < document["comparison"]["keys_compared"]
    (chosen,) = (step for step in document["migration"]["steps"] if step["name"] == "choose the way back")
    assert chosen["detail"].startswith(how)
    with outside(source) as old, outside(target) as new:
        assert counters(old) == document["ledger"]["acknowledged"]
        assert counters(new) < counters(old)
        assert old.info("replication")["role"] == new.info("replication")["role"] == "master"
    assert [phase["name"] for phase in document["phases"]].count("cutover") == 2


@pytest.mark.matrix
def test_a_way_back_that_would_erase_keys_of_others_copies(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer, make_server: MakeServer
) -> None:
    source = make_server(name="valkey-9.1")
    given |= {"REDIS_URL": source.url}
    arguments = ("--strategy", "copy", "--then", "rollback", *QUICK)
    with outside(source) as old:
        old.set("others:key", "theirs")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        document = judged(run)
    require_pass(document)
    (chosen,) = (step for step in document["migration"]["steps"] if step["name"] == "choose the way back")
    assert "1 keys of others" in chosen["detail"]
    with outside(source) as old:
        assert old.get("others:key") == b"theirs"
        assert counters(old) == document["ledger"]["acknowledged"]


@pytest.mark.matrix
def test_a_way_back_that_would_destroy_the_last_copy_is_not_begun(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"BALLAST_BYTES": "50000"}
    with command(tmp_path, "rehearse", "--strategy", "copy", "--then", "rollback", *QUICK, **given) as run:
        until_phase(run, "recovery")
        with outside(fresh_target) as target:
            assert target.delete("rehearsal:ballast:1", "rehearsal:ballast:2", "rehearsal:ballast:3") == 3
        document = judged(run)
    assert {"migration", "comparison"} <= failed(document)
    assert document["comparison"]["missing"] == document["comparison"]["unexplained"] == 3
    assert "would make the source as the target is" in document["migration"]["reason"]
    assert document["migration"]["application_on"] == {"reads": "target", "writes": "target", "confirmed": True}
    with outside(source) as old:
        assert old.exists("rehearsal:ballast:1", "rehearsal:ballast:2", "rehearsal:ballast:3") == 3
