import asyncio
import sys
from pathlib import Path

import pytest

from redis_rehearsal.engine.ledgers import COUNTERS, SharedLedgers
from redis_rehearsal.engine.messages import Broken, Report
from redis_rehearsal.fleet.local import LocalFleet
from tests.unit.engine.made import plan

SPEAKS_JUNK = """
import os, sys, time
os.write(int(sys.argv[4]), bytes([0, 0, 0, 4]) + b"junk")
time.sleep(60)
"""


def test_a_worker_that_tells_what_is_no_message_is_broken_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "worker"
    other.write_text(f"#!{sys.executable}\n{SPEAKS_JUNK}")
    other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))
    reports: list[Report] = []
    exits: list[tuple[int, int]] = []

    async def go() -> None:
        fleet = LocalFleet(reports.append, lambda index, code: exits.append((index, code)), ledgers)
        await fleet.start([plan(index=3)])
        assert await fleet.join(20)
        await fleet.close()

    ledgers = SharedLedgers()
    ledgers.make(3, COUNTERS, tenants=1, width=1, slots=1)
    asyncio.run(go())
    ledgers.close()
    assert [type(report) for report in reports] == [Broken]
    assert exits == [(3, -9)]
