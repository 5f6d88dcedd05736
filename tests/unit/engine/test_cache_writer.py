"""Reports that were under way when their tenant's writes moved: told, and only these."""

import os
from collections.abc import Iterator

import pytest

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import milliseconds
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.server import Server
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.application import Application, assemble, postgres_of
from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.ledgers import Ledgers
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.queries import INVALIDATED_SLOTS, SLOTS
from tests.simulation.scripted import error
from tests.unit.engine.made import plan
from tests.unit.engine.small import SILENCE, SOURCE, TARGET, Small, live, refusing

TENANT, OTHER = 0, 1
MOVED = Route("target", "target")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Role]:
    """To which servers something was written, which all take it."""
    found: list[Role] = []

    def take(server: Server, *_: object) -> bool:
        found.append(server.role)
        return True

    monkeypatch.setattr(Server, "write_for", take)
    return found


@pytest.fixture
def application(written: list[Role]) -> Iterator[Application]:
    made = plan()
    tenants = len(made.share.organizations)
    memory = create_memory(Ledger.size_bytes(tenants, len(EVENT_TYPES), made.ledger_slots))
    ledgers = Ledgers(Ledger(memory, tenants, len(EVENT_TYPES), made.ledger_slots), {})
    yield assemble(made, ledgers, postgres_of(made), Stalls())
    os.close(memory)


def store(application: Application, tenant: int, computed_ms: int, moved: Route | None = None) -> None:
    """Have a report computed, during which the writes may move, and stored."""
    ticket = application.writer.ticket(tenant)
    if moved is not None:
        application.router.set_route(moved)
    application.writer.store(tenant * len(SLOTS), tenant, ticket, {}, computed_ms)


def test_what_was_computed_before_the_writes_moved_and_stored_after_it_is_told(
    application: Application, written: list[Role]
) -> None:
    store(application, TENANT, 1_000)
    store(application, TENANT, 2_000, moved=MOVED)
    store(application, OTHER, 3_000)
    assert written == ["source", "target", "target"]
    ((key, role, computed_ms),) = application.writer.take_late()
    assert (key, role, computed_ms) == (application.queries.blocks.key(TENANT * len(SLOTS)), "target", 2_000)
    assert application.writer.take_late() == []


def test_one_that_an_event_deleted_meanwhile_is_not_stored(application: Application, written: list[Role]) -> None:
    ticket = application.writer.ticket(TENANT)
    application.writer.invalidate(TENANT)
    application.router.set_route(MOVED)
    application.writer.store(TENANT * len(SLOTS), TENANT, ticket, {}, 1_000)
    assert written == ["source"]
    assert application.writer.take_late() == []


def test_in_a_rollout_each_tenant_moves_by_itself(application: Application) -> None:
    application.router.begin_rollout(MOVED)
    tickets = [application.writer.ticket(tenant) for tenant in (TENANT, OTHER)]
    application.router.move([OTHER])
    for tenant, ticket in zip((TENANT, OTHER), tickets, strict=True):
        application.writer.store(tenant * len(SLOTS), tenant, ticket, {}, 1_000)
    assert [key for key, _, _ in application.writer.take_late()] == [application.queries.blocks.key(OTHER * len(SLOTS))]


@pytest.mark.parametrize("reply", ["ok", "failed", "refused", "unknown", "away"])
@pytest.mark.parametrize("kind", ["store", "invalidation"])
def test_each_cache_write_is_counted_by_what_became_of_it(kind: str, reply: str) -> None:
    async def work(small: Small) -> None:
        writer = small.application.writer
        small.application.router.set_route(Route("source", "source", mirror="target"))
        if reply == "away":
            del small.network.servers["source", 1]
            small.cut()
            await small.passing(0.01)
        else:
            said = {"ok": None, "failed": error("ERR who knows"), "refused": error("READONLY no"), "unknown": SILENCE}
            small.source.says = lambda _: said[reply]
        if kind == "store":
            writer.store(TENANT, TENANT, writer.ticket(TENANT), {"a": 1}, 1)
        else:
            writer.invalidate(TENANT)
        await small.passing(0.05)
        small.cut()
        await small.passing(0.01)

    writer = live(work).application.writer
    redirected = kind == "invalidation" and reply == "refused"
    outcome = "redirected" if redirected else {"refused": "failed", "away": "failed"}.get(reply, reply)
    assert writer.outcomes == {f"{kind}_{outcome}": 1, "mirror_ok": 1}
    assert writer.refused == ([TENANT] if redirected else [])
    # What is sent again later goes to the mirror again, too.
    assert writer._mirror.take() == (set() if reply == "ok" or redirected else {TENANT})


def test_a_deletion_that_a_server_refused_is_made_where_writes_go_by_then() -> None:
    async def work(small: Small) -> None:
        writer = small.application.writer
        small.source.says = lambda _: error("READONLY not here")
        writer.invalidate(TENANT)
        writer.invalidate(OTHER)
        await small.passing(0.05)
        small.application.router.set_route(MOVED)
        small.application.router.held = {OTHER}
        writer.send_refused()
        await small.passing(0.05)
        assert (len(small.target.names("UNLINK")), writer.refused) == (1, [OTHER])
        small.application.router.held.clear()
        small.application.router.frozen = True
        writer.send_refused()
        assert writer.refused == [OTHER]
        small.application.router.frozen = False
        writer.send_refused()
        await small.passing(0.05)
        assert (len(small.target.names("UNLINK")), writer.refused) == (2, [])

    live(work)


async def look(small: Small, computed: bytes, *, is_gone: bool) -> None:
    """See whether reports that were computed then should be gone."""
    writer, clock = small.application.writer, small.plan.clock
    small.application.router.flush()
    await small.passing(0.1)
    assert len(writer.obsolete.reports) == len(INVALIDATED_SLOTS)
    for question in writer.obsolete.reports:
        assert writer.obsolete.is_resurrected(question, computed, monotonic()) is is_gone
        assert not writer.obsolete.is_resurrected(question, milliseconds(clock.now()), monotonic())
        # It was asked for before anybody knew that it was gone.
        assert not writer.obsolete.is_resurrected(question, computed, monotonic() - 1.0)


@pytest.mark.parametrize("moved", ["", "route", "rollout"])
def test_a_report_whose_deletion_was_acknowledged_is_gone_wherever_reads_go(moved: str) -> None:
    async def work(small: Small) -> None:
        router = small.application.router
        await small.passing(0.5)
        computed = milliseconds(small.plan.clock.now())
        await small.passing(0.5)
        if moved == "rollout":
            router.begin_rollout(MOVED)
        small.application.writer.invalidate(TENANT)
        if moved == "route":
            router.set_route(MOVED)
        await look(small, computed, is_gone=True)

    live(work)


@pytest.mark.parametrize("server", ["source", "target"])
@pytest.mark.parametrize("what", ["lost", "lost copy", "an error", "refused", "other connection", "same connection"])
def test_a_report_that_a_server_may_store_after_its_deletion_is_not_said_to_be_back(what: str, server: Role) -> None:
    async def work(small: Small) -> None:
        writer, router = small.application.writer, small.application.router
        router.set_route(Route("source", "source", mirror="target"))
        pool, end = router.servers[server].writes, small.source if server == "source" else small.target
        await small.passing(0.5)
        computed = milliseconds(small.plan.clock.now())
        await small.passing(0.01)
        if what == "lost copy":
            writer.copy(TENANT, pack("SET", small.key(TENANT), "a", "PX", "1000"), 1)
        else:
            writer.store(TENANT, TENANT, writer.ticket(TENANT), {"a": 1}, int(computed))
        if what.startswith("lost"):
            end.quiet = True
            router.flush()
            await small.passing(0.05)
            small.cut(SOURCE if server == "source" else TARGET)
            await small.passing(1.0)
        elif what == "other connection":
            pool.ready.reverse()
        elif what in ("an error", "refused"):
            end.says = refusing("ERR who knows" if what == "an error" else "READONLY not here", "SET")
            router.flush()
            await small.passing(0.5)
        writer.invalidate(TENANT)
        # What a mirror did not take is asked of nobody again.
        sure = what == "same connection" or (server, what) == ("source", "refused")
        await look(small, computed, is_gone=sure or (server, what) == ("target", "lost copy"))
        await small.passing(0.5)
        # What is computed from now on is in order again.
        computed = milliseconds(small.plan.clock.now())
        await small.passing(0.5)
        writer.invalidate(TENANT)
        await look(small, computed, is_gone=True)

    live(work, redis_pool_size=10)


def test_a_report_is_not_gone_while_one_of_the_servers_that_are_to_delete_it_has_not_answered() -> None:
    async def work(small: Small) -> None:
        writer = small.application.writer
        small.application.router.set_route(Route("source", "source", mirror="target"))
        await small.passing(0.5)
        computed = milliseconds(small.plan.clock.now())
        await small.passing(0.5)
        small.target.quiet = True
        writer.invalidate(TENANT)
        small.application.router.flush()
        await small.passing(0.1)
        assert writer.outcomes == {"invalidation_ok": 1}
        assert writer.obsolete.reports == {}
        small.cut(TARGET)
        await look(small, computed, is_gone=True)

    live(work)
