"""What is wrong with an answer is noticed while the load lasts."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import command, wait_for


def test_a_real_time_read_below_what_was_acknowledged_is_noticed(
    tmp_path: Path, given: dict[str, str], client: Any
) -> None:
    with command(tmp_path, "run", "--duration", "20s", **given) as run:
        run.until_running(250)
        lowered = 0
        for key in list(client.scan_iter("rehearsal:count:1:*")):
            if int(client.get(key)) >= 3:
                client.decrby(key, 3)
                lowered += 3
        assert lowered
        wait_for(lambda: run.stats()["checks"]["counter_regressions"] > 0, "a regression")
        run.interrupt()
        document = run.document()
    assert document["ledger"]["lost"] == lowered == document["ledger"]["lost_at_most"]
    assert document["ledger"]["duplicated"] == 0
    assert sum(row["lost"] for row in document["ledger"]["worst"]) == lowered
    for row in document["ledger"]["worst"]:
        # How it adds up is what the server has.
        assert row["on_truth"] == int(client.get(row["key"])) == row["before"] + row["acknowledged"] - row["lost"]
        assert row["organization"] == 1


@pytest.mark.parametrize("damage", ["wrong", "stale"])
def test_damaged_and_old_reports_are_noticed(tmp_path: Path, given: dict[str, str], client: Any, damage: str) -> None:
    given |= {"EVENTS_PER_SECOND": "0"}
    with command(tmp_path, "run", "--duration", "30s", **given) as run:
        run.until_running(100)
        key = b"rehearsal:report:1:hourly_series"
        value = client.get(key)
        assert isinstance(value, bytes)
        if damage == "wrong":
            client.set(key, value.replace(b'"-1":', b'"-1":9', 1), keepttl=True)
        else:
            from zlib import crc32

            old = value[:-4].replace(value[14:27], b"%013d" % (int(value[14:27]) - 900_000), 1)
            client.set(key, old + crc32(old).to_bytes(4, "little"), keepttl=True)
        wait_for(lambda: run.stats()["checks"][damage] > 0, f"a {damage} report")
        run.interrupt()
        checks = run.document()["checks"]
    assert {name for name in ("wrong", "stale", "resurrected") if checks[name]} == {damage}


def test_a_report_that_comes_back_from_the_dead_is_noticed(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    given |= {"EVENTS_PER_SECOND": "400", "ORGANIZATIONS": "1"}
    with command(tmp_path, "run", "--duration", "30s", **given) as run:
        run.until_running(100)
        key = b"rehearsal:report:1:overview"
        old = wait_for(lambda: client.get(key), "a report")
        deleted = client.info("commandstats")["cmdstat_unlink"]["calls"]

        def deletions() -> int:
            return int(client.info("commandstats")["cmdstat_unlink"]["calls"])

        wait_for(lambda: deletions() > deleted, "a deletion")

        def resurrect() -> bool:
            client.set(key, old, px=60_000)
            return bool(run.stats()["checks"]["resurrected"])

        wait_for(resurrect, "a resurrected report")
        run.interrupt()
        assert run.document()["checks"]["wrong"] == 0


def test_a_value_of_another_type_is_a_miss_that_is_replaced(tmp_path: Path, given: dict[str, str], client: Any) -> None:
    given |= {"EVENTS_PER_SECOND": "0"}
    with command(tmp_path, "run", "--duration", "30s", **given) as run:
        run.until_running(100)
        key = b"rehearsal:report:1:hourly_series"

        def is_replaced_after_a_read() -> bool:
            with client.pipeline(transaction=True) as swap:
                swap.delete(key)
                swap.rpush(key, "not a report")
                swap.execute()
            wait_for(lambda: client.type(key) == b"string", "a replaced report")
            # One that was on its way to the cache already may have replaced it before anybody read it.
            return bool(run.stats()["cache"]["misplaced"])

        wait_for(is_replaced_after_a_read, "a report that was read in the wrong type")
        run.interrupt()
        document = run.document()
    assert document["cache"]["misplaced"] >= 1
    assert document["totals"]["queries"]["failed"] == 0


def test_whatever_stands_in_place_of_a_report_is_a_miss_that_is_replaced(
    tmp_path: Path, given: dict[str, str], client: Any
) -> None:
    given |= {"EVENTS_PER_SECOND": "0", "REDIS_DATA_TYPE": "mixed"}
    kinds = {"overview": b"hash", "hourly_series": b"list", "top_pages": b"zset", "filtered:1": b"set"}
    with command(tmp_path, "run", "--duration", "30s", **given) as run:
        run.until_running(100)

        def are_replaced_after_a_read() -> bool:
            # At once: what the load stores in between would be added to.
            with client.pipeline(transaction=True) as swap:
                for kind in kinds:
                    swap.delete(f"rehearsal:report:1:{kind}")
                # Another type, and another form of the same type.
                swap.set("rehearsal:report:1:overview", "another type")
                swap.rpush("rehearsal:report:1:hourly_series", "another", "form")
                swap.zadd("rehearsal:report:1:top_pages", {"another form": 1})
                swap.sadd("rehearsal:report:1:filtered:1", "another form")
                swap.execute()
            for kind, stored in kinds.items():
                key = f"rehearsal:report:1:{kind}"
                wait_for(
                    partial(lambda k, s: client.type(k) == s and client.pttl(k) > 0, key, stored), f"the report {kind}"
                )
            # One that was on its way to the cache already may have replaced one before anybody read it.
            return bool(run.stats()["checks"]["misplaced"] >= len(kinds))

        wait_for(are_replaced_after_a_read, "reports that were read in the wrong form")
        run.interrupt()
        document = run.document()
    assert document["checks"]["misplaced"] >= 4
    assert document["checks"]["wrong"] == 0
    assert document["totals"]["queries"]["failed"] == 0
