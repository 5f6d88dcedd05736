"""What a worker writes into live structures, against the ledgers of these."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.route import Route
from redis_rehearsal.workload.live import LIVE_STRUCTURES
from tests.simulation.scripted import error
from tests.unit.engine.small import SILENCE, TARGET, Small, live, number

WRITES = {
    "totals": b"HINCRBY",
    "pages": b"ZINCRBY",
    "document": b"JSON.NUMINCRBY",
    "users": b"SADD",
    "recent": b"LPUSH",
}
TYPE_OF = {each.name: each.data_type for each in LIVE_STRUCTURES}
BOTH = Route("source", "source", mirror="target")


def working(command: list[bytes]) -> bytes | None:
    """A server that keeps no structure, and says that it did."""
    match command[0]:
        case b"HINCRBY" | b"SADD" | b"LPUSH" | b"EXPIREAT":
            return number(1)
        case b"ZINCRBY":
            return b"$1\r\n1\r\n"
        case b"JSON.NUMINCRBY":
            return b"$3\r\n[1]\r\n"
        case b"JSON.SET" | b"LTRIM":
            return b"+OK\r\n"
        case b"LRANGE":
            return b"*0\r\n"
        case _:
            return None


def lane(small: Small, name: str) -> dict[str, int]:
    """A lane of the ledger of each structure, all of it together."""
    return {
        structure.name: sum(int(ledger.lane(name, bucket).sum()) for bucket in ledger.buckets())
        for structure, ledger in small.ledgers.live.items()
    }


@pytest.mark.parametrize("name", WRITES)
def test_each_event_goes_once_into_each_structure(name: str) -> None:
    async def work(small: Small) -> None:
        small.source.says = working
        await small.count(0, 1)
        await small.count(0)

    small = live(work, data_types=("string", TYPE_OF[name]))
    assert len(small.source.names(WRITES[name].decode())) == 3
    sent, acknowledged, unknown = (lane(small, each) for each in ("sent", "acknowledged", "unknown"))
    assert (sent, acknowledged, unknown) == ({name: 3}, {name: 3}, {name: 0})
    # Of each structure, once: what it needs to be there, and when it expires.
    keys = set(small.source.names(WRITES[name].decode()))
    assert len(keys) == 2 == len([key for key in small.source.names("EXPIREAT") if key in keys])
    assert len(small.source.names("JSON.SET")) == (2 if name == "document" else 0)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    ("fault", "lane_of_it"),
    [("OOM no memory", "failed"), ("ERR who knows", "unknown"), ("silence", "unknown"), ("away", "failed")],
)
def test_what_a_server_did_not_take_is_told_apart_from_what_it_may_have_taken(
    name: str, fault: str, lane_of_it: str
) -> None:
    async def work(small: Small) -> None:
        small.source.says = working
        if fault == "away":
            del small.network.servers["source", 1]
            small.cut()
            await small.passing(0.01)
        else:
            small.source.says = lambda command: (
                (SILENCE if fault == "silence" else error(fault)) if command[0] == WRITES[name] else working(command)
            )
        await small.count(0)
        small.cut()
        await small.passing(0.1)

    small = live(work, data_types=(TYPE_OF[name],))
    for each in ("failed", "unknown"):
        assert lane(small, each) == {name: int(each == lane_of_it)}
    assert lane(small, "acknowledged") == {name: 0}
    # It is not sent again, though the event's increment may be.
    assert len(small.source.names(WRITES[name].decode())) == (fault != "away")


def test_what_another_server_than_the_truth_took_is_stranded() -> None:
    async def work(small: Small) -> None:
        small.source.says = working
        small.application.router.promote("target")
        await small.count(0, 1)

    small = live(work, data_types=("hash", "set"))
    assert lane(small, "stranded") == lane(small, "acknowledged") == {"totals": 2, "users": 2}


@pytest.mark.parametrize("fault", ["", "OOM no memory", "silence", "away"])
def test_the_mirror_gets_all_of_it_or_is_told_whose_it_did_not(fault: str) -> None:
    async def work(small: Small) -> None:
        small.source.says = small.target.says = working
        small.application.router.set_route(BOTH)
        if fault == "away":
            del small.network.servers[TARGET]
            small.cut(TARGET)
            await small.passing(0.01)
        elif fault:
            small.target.says = lambda command: (
                (SILENCE if fault == "silence" else error(fault)) if command[0] == b"HINCRBY" else working(command)
            )
        await small.count(0)
        small.cut(TARGET)
        await small.passing(0.01)

    small = live(work, data_types=("hash",))
    assert small.application.mirror.take() == (set() if not fault else {0})
    assert lane(small, "acknowledged") == {"totals": 1}


SAID = st.sampled_from(["taken", "OOM no memory", "ERR who knows", "silence"])


@given(st.lists(st.tuples(SAID, st.lists(st.integers(0, 1), min_size=1, max_size=3)), max_size=6))
def test_in_any_order_of_faults_what_is_there_lies_between_what_was_acknowledged_and_what_may_be(
    steps: list[tuple[str, list[int]]],
) -> None:
    applied = 0

    async def work(small: Small) -> None:
        said = "taken"

        def answer(command: list[bytes]) -> bytes | None:
            nonlocal applied
            if command[0] != b"HINCRBY":
                return working(command)
            if said.startswith("OOM"):
                return error(said)
            applied += 1
            return number(1) if said == "taken" else SILENCE if said == "silence" else error(said)

        small.source.says = answer
        for each, tenants in steps:
            said = each
            await small.count(*tenants, seconds=0.05)
            small.cut()
            await small.passing(0.5)

    small = live(work, data_types=("hash",))
    sent, acknowledged, failed, unknown = (
        lane(small, name)["totals"] for name in ("sent", "acknowledged", "failed", "unknown")
    )
    assert sent == sum(len(tenants) for _, tenants in steps) == acknowledged + failed + unknown
    assert acknowledged <= applied <= acknowledged + unknown
