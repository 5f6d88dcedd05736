"""Rehearsing with the strategy and the criterion of another package."""

from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.evidence import counters, require_fail
from tests.acceptance.rehearsing import criteria, judged, outside
from tests.support import command


def rehearse_paused(tmp_path: Path, given: dict[str, str], source: RedisServer, target: RedisServer) -> None:
    """Rehearse with the strategy `paused`, and see that the criterion `longest_freeze` is judged, wherever they are."""
    (tmp_path / "my.toml").write_text('strategy = "paused"\npause = "300ms"\nmax_recovery = "20s"\n')
    limit = ("--max-freeze", "200ms", "--baseline", "2s")
    with command(tmp_path, "rehearse", "--config", "my.toml", *limit, **given) as run:
        document = judged(run)
    require_fail(document, "lost", "counter_regressions", "comparison", "longest_freeze")
    found = criteria(document)["longest_freeze"]
    assert (found["limit"], found["unit"], found["causes"]) == (0.2, "seconds", [])
    assert 0.3 <= found["measured"] == pytest.approx(document["migration"]["freeze_seconds"], abs=1e-6)
    # It comes after ours.
    assert document["verdict"]["criteria"][-1] == found
    assert document["migration"]["strategy"] == "paused"
    asked = document["migration"]["options"]
    assert [asked[name] for name in ("pause", "max_freeze", "observe", "max_lost")] == [0.3, 0.2, 2.0, 0]
    assert "pause" in [step["name"] for step in document["migration"]["steps"]]
    with outside(source) as old, outside(target) as new:
        assert document["ledger"]["lost"] == counters(old) > 0
        assert counters(new) == document["ledger"]["acknowledged"] - document["ledger"]["lost"]
    (report,) = (tmp_path / "runs").glob("*/report.txt")
    said = " ".join(report.read_text().split())
    assert "longest_freeze failed" in said
    assert "writes were held for that long. To do: hold writes for less." in said
    assert "To do: paused copies nothing: use replicate or copy." in said
