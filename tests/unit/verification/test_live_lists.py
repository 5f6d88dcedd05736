"""Lists against their ledgers: a model of a server, of what its client saw, and of what somebody did to the list."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.lanes import Lanes
from redis_rehearsal.verification.live_lists import judge_lists
from redis_rehearsal.verification.live_reading import RECENT_READ
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.workload.live import DROPPED, LENGTH, RECENT_ACCOUNTED, RECENT_KEPT, RECENT_WIDTH, recent_code

ACKNOWLEDGED, REFUSED, LOST_APPLIED, LOST_LATE, LOST_NEVER = range(5)
bursts = st.lists(
    st.tuples(st.sampled_from([ACKNOWLEDGED, ACKNOWLEDGED, *range(5)]), st.integers(1, 90)), min_size=1, max_size=12
)


def code(number: int) -> int:
    return recent_code(number, b"%d:click" % number)


@dataclass
class World:
    """A list as it came to be, and the account of it: code and outcome, oldest first."""

    account: list[tuple[int, int]] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)

    def push(self, parts: list[tuple[int, int]]) -> None:
        number = 0
        late: list[int] = []
        for outcome, count in parts:
            for _ in range(count):
                number += 1
                if outcome != REFUSED:
                    self.account.append((code(number), outcome))
                if outcome in (ACKNOWLEDGED, LOST_APPLIED):
                    self.applied.append(code(number))
                elif outcome == LOST_LATE:
                    late.append(code(number))
            # What lies in the buffer of a broken connection comes at some time, after others.
            if late and outcome == ACKNOWLEDGED:
                self.applied += late
                late = []

    @property
    def kept(self) -> list[int]:
        return self.applied[::-1][:RECENT_KEPT]

    def judge(self, elements: list[int], dropped: int = 0) -> Reconciliation:
        shape = (1, RECENT_WIDTH)
        lanes = Lanes(*(np.zeros(shape, dtype=np.int64) for _ in Lanes.__slots__))
        for place, (value, outcome) in enumerate(self.account[-RECENT_ACCOUNTED:]):
            lanes.baseline[0, place], lanes.sent[0, place] = value, 1
            lane = lanes.acknowledged if outcome == ACKNOWLEDGED else lanes.unknown
            lane[0, place] = 1
        lanes.baseline[0, DROPPED], lanes.baseline[0, LENGTH] = dropped, min(len(self.applied), RECENT_KEPT + 1)
        found = np.zeros((1, RECENT_READ), dtype=np.int64)
        found[0, : len(elements)] = elements
        result, wrong = judge_lists(lanes, found, np.array([0]))
        assert wrong == ([0] if result.surely_wrong else [])
        return result


@given(bursts)
def test_what_a_server_does_by_itself_is_never_wrong(parts: list[tuple[int, int]]) -> None:
    world = World()
    world.push(parts)
    found = world.judge(world.kept)
    assert found.surely_wrong == found.duplicated_at_most == found.stranded_at_most == 0
    # All that is left open is what the ledger has forgotten.
    assert found.lost_at_most == found.forgotten


@given(bursts, st.data())
def test_what_is_taken_lies_within_the_bounds(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    world = World()
    world.push(parts)
    kept = world.kept
    acknowledged = {value for value, outcome in world.account if outcome == ACKNOWLEDGED}
    taken = data.draw(st.sets(st.sampled_from(kept))) if kept else set()
    found = world.judge([value for value in kept if value not in taken])
    assert found.lost <= len(taken & acknowledged) <= found.lost_at_most
    assert found.duplicated == found.disordered == 0


@given(st.integers(1, 500), st.data())
def test_with_every_outcome_known_the_figures_are_exact(count: int, data: st.DataObject) -> None:
    world = World()
    world.push([(ACKNOWLEDGED, count)])
    kept = world.kept
    taken = data.draw(st.sets(st.sampled_from(kept)))
    assert world.judge([value for value in kept if value not in taken]).lost == len(taken)
    assert world.judge(kept[::-1]).disordered == len(kept) - 1
    assert world.judge(kept).surely_wrong == 0
    strange = [code(count + 1), -1, kept[0]]
    assert world.judge([*strange, *kept][:RECENT_READ]).duplicated >= len(strange)


def test_what_was_gone_before_it_was_pushed_out_is_counted() -> None:
    world = World()
    world.push([(ACKNOWLEDGED, 350)])
    kept = world.kept
    assert world.judge(kept, dropped=80).lost == world.judge(kept, dropped=80).lost_at_most == 80
    # Some of the eighty would be there still; one more is missing since the last event.
    assert world.judge(kept[:190], dropped=70).lost == 80


def test_a_list_that_is_never_cut_is_too_long() -> None:
    world = World()
    world.push([(ACKNOWLEDGED, 390)])
    found = world.judge(world.applied[::-1])
    assert found.lost == 0
    assert found.duplicated == 390 - RECENT_KEPT - 1
