"""Unknown is no way out: what nothing went wrong in passes, every time, with nothing set."""

import os
from pathlib import Path

import pytest

from tests.acceptance.evidence import statuses
from tests.acceptance.rehearsing import judged
from tests.support import command

TIMES = int(os.environ.get("FAULTLESS_TIMES", "20"))


@pytest.mark.faultless
@pytest.mark.parametrize("time", range(1, TIMES + 1))
@pytest.mark.parametrize("strategy", ["replicate", "copy", "dual-write", "fallback"])
def test_a_faultless_rehearsal_with_default_settings_passes(tmp_path: Path, strategy: str, time: int) -> None:
    with command(tmp_path, "rehearse", "--strategy", strategy) as run:
        document = judged(run, 240)
    assert set(statuses(document).values()) == {"passed"}, document["verdict"]


@pytest.mark.faultless
@pytest.mark.parametrize(
    ("strategy", "flags", "settings"),
    [
        ("copy", ("--load", "high"), {}),
        ("replicate", ("--load", "demo"), {}),
        ("dual-write", ("--load", "ultra"), {}),
        ("fallback", ("--load", "demo"), {}),
        ("copy", (), {"CACHE_TTL": "15s"}),
        ("dual-write", (), {"CACHE_TTL": "15s"}),
        ("replicate", ("--baseline", "5s"), {"WARMUP": "0s"}),
    ],
)
def test_so_does_one_at_other_loads_and_with_short_times_to_live(
    tmp_path: Path, strategy: str, flags: tuple[str, ...], settings: dict[str, str]
) -> None:
    with command(tmp_path, "rehearse", "--strategy", strategy, *flags, **settings) as run:
        document = judged(run, 240)
    assert set(statuses(document).values()) == {"passed"}, document["verdict"]
