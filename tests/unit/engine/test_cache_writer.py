"""Reports that were under way when their tenant's writes moved: told, and only these."""

import os
from collections.abc import Iterator

import pytest

from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.server import Server
from redis_rehearsal.engine.application import Application, assemble, postgres_of
from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.ledgers import Ledgers
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.queries import SLOTS
from tests.unit.engine.made import plan

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
