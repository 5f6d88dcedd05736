import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from redis_rehearsal.engine.pacer import Pacer
from redis_rehearsal.workload.arrivals import Arrivals


class Block:
    def __init__(self, intended: NDArray[np.float64]) -> None:
        self.intended: list[float] = intended.tolist()


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=30), st.integers(1, 20))
def test_everything_due_is_handed_out_once_and_in_order(pauses: list[float], block_size: int) -> None:
    rng = np.random.default_rng(7)
    schedule = Arrivals("poisson", 50.0, 0.0, np.random.default_rng(7)).draw(3000).tolist()
    pacer = Pacer(Arrivals("poisson", 50.0, 0.0, rng), Block, block_size)
    now, handed_out = 0.0, []
    for pause in pauses:
        now += pause
        for block, start, stop in pacer.take(now):
            handed_out += block.intended[start:stop]
    due = [at for at in schedule if at <= now]
    assert np.allclose(handed_out, due)
    assert pacer.next_seconds > now
