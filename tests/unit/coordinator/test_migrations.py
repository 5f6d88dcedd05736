"""When a migration of a run is begun, and when not."""

import asyncio
from typing import Any, cast

import pytest

from redis_rehearsal.coordinator.migrations import Migrations
from redis_rehearsal.errors import ConflictError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.view.run_view import RunView, Stage


def migrations_of(audit: Audit, stage: Stage = Stage.RUNNING) -> Migrations:
    async def audited() -> Audit:
        return audit

    nothing = cast("Any", None)
    view = RunView(Settings(), nothing, nothing, stage)
    control = FleetControl(lambda _: None, 1)
    return Migrations(view, control, nothing, audited, lambda: None, 1.0, nothing)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"missing": 3}, "3 missing"), ({"missing": 3, "lost": 1}, "1 lost, 2 missing")]
)
def test_none_is_begun_where_writes_are_missing_already(wrong: dict[str, Any], said: str) -> None:
    """Also where nobody knows yet whether they are lost or stranded: its verdict would be blamed for them."""
    migrations = migrations_of(Audit(Reconciliation(**wrong)))
    with pytest.raises(ConflictError, match=said):
        asyncio.run(migrations.start(MigrationOptions(strategy="copy")))


def test_none_is_begun_while_the_load_does_not_run() -> None:
    migrations = migrations_of(Audit(), Stage.FINISHING)
    with pytest.raises(ConflictError, match="the run is finishing"):
        asyncio.run(migrations.start(MigrationOptions(strategy="copy")))
