"""Which strategy is recommended, and what decided."""

from typing import Any

import pytest

from redis_rehearsal.report.side_by_side import recommendation
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document

REPLICATE = "Recommended: replicate, since of the 2 that passed it"
DUAL_WRITE = "Recommended: dual-write, since of the 3 that passed it"


def rehearsed(
    strategy: str, status: str = "pass", *, down: float | None = 0.0, p99: float = 0.005, lost: int = 0
) -> Any:
    made = document(status)
    made["migration"]["strategy"] = strategy
    made["ledger"] |= {"lost": lost, "duplicated": 0, "stranded": 0}
    for kind in ("queries", "events"):
        made["downtime"][kind]["longest_seconds"] = down
    next(each for each in made["verdict"]["criteria"] if each["name"] == "cutover_p99")["measured"] = p99
    return made


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([], "Nothing was rehearsed."),
        ([rehearsed("cold", "fail"), rehearsed("copy")], "Recommended: copy, since it alone passed."),
        (
            [rehearsed("copy", down=0.04), rehearsed("replicate", down=0.02)],
            (
                f"{REPLICATE} was down for the shortest time (20 ms); in "
                "writes lost, duplicated or stranded (0) it is level with copy."
            ),
        ),
        (
            [rehearsed("replicate", p99=0.0061), rehearsed("dual-write", p99=0.0051), rehearsed("copy", down=0.03)],
            (
                f"{DUAL_WRITE} had the lowest p99 in the cutover (5 ms); in "
                "writes lost, duplicated or stranded (0) and downtime (0 s) it is level with replicate."
            ),
        ),
        (
            # No finer than it is shown.
            [rehearsed("replicate", p99=0.0051), rehearsed("dual-write", p99=0.0049)],
            f"{REPLICATE} was rehearsed first: by all that was measured it is level with dual-write.",
        ),
        (
            [rehearsed("copy", lost=3), rehearsed("replicate", lost=1, down=9.0)],
            f"{REPLICATE} lost, duplicated and stranded the fewest writes (1).",
        ),
        (
            [rehearsed("copy", down=None), rehearsed("replicate", down=0.2)],
            (
                f"{REPLICATE} was down for the shortest time (200 ms); in "
                "writes lost, duplicated or stranded (0) it is level with copy."
            ),
        ),
        (
            [rehearsed("copy", "unknown"), rehearsed("cold", "fail")],
            "None passed for sure. copy comes nearest: nothing of it failed, but not all could be measured.",
        ),
        (
            [rehearsed("copy", "fail", lost=2), rehearsed("cold", "fail", lost=9)],
            "None can be recommended: all failed. copy did the least harm; see why it failed.",
        ),
    ],
)
def test_the_recommendation_says_what_decided(runs: list[Any], told: str) -> None:
    assert recommendation([whole(each) for each in runs]) == told
