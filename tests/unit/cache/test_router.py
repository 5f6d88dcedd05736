from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES, Role, Route
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server

TARGET = Route("target", "target")


def router(tenants: int = 4) -> tuple[Router, dict[int, Role]]:
    """A router and what it says of each tenant's truth."""
    made = Router({role: Server(role, Endpoint("h", 1), 2, "n", 1.0) for role in ROLES}, tenants)
    truth: dict[int, Role] = {}

    def note(who: Iterable[int], role: Role) -> None:
        truth.update(dict.fromkeys(who, role))

    made.on_truth = note
    made.set_route(Route())
    return made, truth


def test_all_is_on_the_source_at_first() -> None:
    made, truth = router()
    assert made.read_server is made.write_server is made.truth_server is made.servers["source"]
    assert set(truth.values()) == {"source"}


def test_tenants_move_one_by_one_and_their_truth_with_them() -> None:
    made, truth = router()
    made.begin_rollout(TARGET)
    assert (made.read_server, made.write_server, made.truth_server) == (None, None, None)
    made.move([2])
    assert [made.writes_of(tenant).role for tenant in range(4)] == ["source", "source", "target", "source"]
    assert truth == {0: "source", 1: "source", 2: "target", 3: "source"}
    made.move([0, 1, 3])
    assert made.write_server is made.servers["target"]
    assert set(truth.values()) == {"target"}


def test_after_a_promotion_the_old_server_is_no_truth_wherever_tenants_write() -> None:
    made, truth = router()
    made.promote("target")
    assert made.write_server is made.servers["source"]
    assert made.truth_server is made.servers["target"]
    assert set(truth.values()) == {"target"}
    made.begin_rollout(TARGET)
    made.move([1])
    assert {made.truth_of(tenant).role for tenant in range(4)} == {"target"}
    assert set(truth.values()) == {"target"}
    made.promote(None)
    made.set_route(Route())
    assert set(truth.values()) == {"source"}


def test_reads_and_writes_can_part_and_writes_be_mirrored() -> None:
    made, _ = router()
    made.set_route(Route("target", "source", mirror="target"))
    assert made.read_server is made.servers["target"]
    assert made.write_server is made.truth_server is made.servers["source"]
    assert made.mirror_server is made.mirror_of(0) is made.servers["target"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("route"), st.sampled_from([Route(), TARGET])),
        st.tuples(st.just("rollout"), st.sampled_from([Route(), TARGET])),
        st.tuples(st.just("move"), st.integers(0, 3)),
        st.tuples(st.just("promote"), st.sampled_from(["source", "target", None])),
    ),
    max_size=20,
)


@given(steps)
def test_what_is_noted_of_the_truth_is_what_holds(happenings: list[tuple[str, object]]) -> None:
    made, truth = router()
    rolling = False
    for what, value in happenings:
        if what == "move" and rolling:
            made.move([value])  # type: ignore[list-item]
        elif what == "route":
            made.set_route(value)  # type: ignore[arg-type]
        elif what == "rollout":
            made.begin_rollout(value)  # type: ignore[arg-type]
        elif what == "promote":
            made.promote(value)  # type: ignore[arg-type]
        rolling = made.write_server is None
        assert {tenant: made.truth_of(tenant).role for tenant in range(4)} == truth
        if made.truth_server is not None:
            assert set(truth.values()) == {made.truth_server.role}
