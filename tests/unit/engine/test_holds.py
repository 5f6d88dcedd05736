import asyncio

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.holds import Holds
from tests.simulation.loop import simulate

TENANTS = st.sets(st.integers(0, 3), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), TENANTS, st.integers(0, 20)),
        st.tuples(st.just("release"), TENANTS, st.just(0)),
        st.tuples(st.just("release all"), st.just(set()), st.just(0)),
        st.tuples(st.just("wait"), st.just(set()), st.integers(1, 10)),
    ),
    max_size=20,
)


@given(STEPS)
def test_each_hold_ends_at_its_last_bound_unless_it_is_released_and_who_releases_it_is_told(
    steps: list[tuple[str, set[int], int]],
) -> None:
    async def work() -> None:
        ended: set[int] = set()
        holds = Holds(ended.update)
        until: dict[int, float] = {}
        lapsed: set[int] = set()
        for what, tenants, tenths in steps:
            match what:
                case "extend":
                    at = monotonic() + tenths / 10 + 0.05
                    holds.extend(tenants, at)
                    until.update(dict.fromkeys(tenants, at))
                case "release":
                    assert holds.released(tenants) == lapsed & tenants
                    lapsed -= tenants
                    for tenant in tenants:
                        until.pop(tenant, None)
                case "release all":
                    assert holds.released(None) == lapsed
                    lapsed.clear()
                    until.clear()
                case _:
                    await asyncio.sleep(tenths / 10)
            over = {tenant for tenant, at in until.items() if at <= monotonic()}
            for tenant in over:
                del until[tenant]
            lapsed |= over
            assert (ended, holds.lapsed) == (over, lapsed)
            ended.clear()
        holds.released(None)

    simulate(lambda _: work())
