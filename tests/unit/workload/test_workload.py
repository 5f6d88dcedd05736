import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.workload.arrivals import Arrivals
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.hit_ratio import HitRatioModel, joined_novelty, split_novelty
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.presets import ArrivalKind
from redis_rehearsal.workload.queries import QUERY_KINDS, SLOTS, Filter
from redis_rehearsal.workload.questions import EventStream, Novelty, QuestionStream
from redis_rehearsal.workload.tenants import share_out, zipf_shares


def test_the_mixes_are_those_of_the_design() -> None:
    assert [kind.share for kind in EVENT_TYPES] == [0.60, 0.28, 0.10, 0.015, 0.005]
    shares = {kind.name: kind.share for kind in QUERY_KINDS}
    assert shares["filtered"] == 0.20
    assert shares["real_time"] == 0.10
    assert sum(shares.values()) == pytest.approx(1.0)
    assert sum(slot.share for slot in SLOTS) == pytest.approx(1.0)


def test_drawn_events_follow_the_mix_and_the_zipf_law() -> None:
    shares = zipf_shares(50, 1.0)
    block = EventStream(shares, 10, np.random.default_rng(1)).draw(200_000)
    for number, kind in enumerate(EVENT_TYPES):
        assert np.mean(block.types == number) == pytest.approx(kind.share, rel=0.1)
    assert np.mean(block.tenants == 0) == pytest.approx(shares[0], rel=0.05)
    assert (int(block.users.min()), int(block.users.max())) == (1, 10)


def test_drawn_questions_follow_the_mix_and_the_novelty() -> None:
    stream = QuestionStream(zipf_shares(50, 1.0), np.random.default_rng(1), Novelty(filtered=0.3))
    block = stream.draw(200_000)
    for number, slot in enumerate(SLOTS):
        assert np.mean(block.slots == number) == pytest.approx(slot.share, rel=0.1)
    filtered = np.array([slot.filter_number > 0 for slot in SLOTS])[block.slots]
    assert np.mean(block.novel[filtered]) == pytest.approx(0.3, rel=0.05)
    assert not block.novel[~filtered].any()


def test_the_same_seed_asks_the_same_questions() -> None:
    shares = zipf_shares(50, 1.0)
    one, two = (QuestionStream(shares, np.random.default_rng(3), Novelty()).draw(100) for _ in range(2))
    assert np.array_equal(one.tenants, two.tenants)
    assert np.array_equal(one.slots, two.slots)


@given(st.integers(1, 200), st.floats(0, 2), st.integers(1, 8))
def test_every_tenant_has_one_worker(tenants: int, skew: float, workers: int) -> None:
    parts = share_out(zipf_shares(tenants, skew), workers)
    assert sorted(int(tenant) for part in parts for tenant in part) == list(range(tenants))


def test_workers_get_loads_as_equal_as_whole_tenants_allow() -> None:
    shares = zipf_shares(500, 1.0)
    loads = [shares[part].sum() for part in share_out(shares, 4)]
    assert max(loads) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("kind", ["poisson", "constant"])
def test_arrivals_come_at_their_rate(kind: ArrivalKind) -> None:
    intended = Arrivals(kind, 1000.0, 5.0, np.random.default_rng(1)).draw(50_000)
    assert intended[0] > 5.0
    assert (np.diff(intended) >= 0).all()
    assert len(intended) / (intended[-1] - 5.0) == pytest.approx(1000.0, rel=0.02)


@given(st.floats(0, 1))
def test_novelty_splits_and_joins(share: float) -> None:
    assert joined_novelty(split_novelty(share)) == pytest.approx(share)


@pytest.mark.parametrize("target", [0.99, 0.95, 0.8, 0.5, 0.1])
def test_the_novelty_for_a_target_is_predicted_to_hit_it(target: float) -> None:
    model = HitRatioModel(zipf_shares(500, 1.0), 10_000, 1_000, 300, 300)
    novelty = model.novelty_for(target)
    assert model.predict(novelty) == pytest.approx(target, abs=1e-6)
    assert (novelty.dashboard > 0) == (target < 0.77)


def test_a_target_out_of_reach_gets_no_novelty() -> None:
    assert HitRatioModel(zipf_shares(500, 1.0), 20, 10, 300, 300).novelty_for(0.999) == Novelty()


@given(st.integers(1, 2**60), st.integers(1, 24))
def test_a_filter_asks_for_something(number: int, buckets: int) -> None:
    asked = Filter.numbered(number, buckets)
    assert asked.types > 0
    assert asked.pages > 0
    assert 0 <= asked.to_bucket <= asked.from_bucket < buckets


@given(st.text(alphabet="ab:-", min_size=1, max_size=10), st.integers(1, 1000), st.integers(0, 4))
def test_every_key_is_under_the_prefix(prefix: str, organization: int, kind: int) -> None:
    keys = Keys(prefix)
    identity = keys.report_identity(organization, "overview", 0)
    names = [keys.report(identity), keys.counter(organization, kind, 0), keys.live("pages", organization, 0)]
    names += [keys.ballast(1), keys.big(1)]
    assert all(name.startswith(prefix) for name in (*names, keys.lock, keys.marker))


def test_a_numbered_filter_may_select_every_type_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (5, 6, 9):
        monkeypatch.setattr("redis_rehearsal.workload.queries.EVENT_TYPES", (EVENT_TYPES[0],) * count)
        filters = [Filter.numbered(number, 24) for number in range(1, 200)]
        assert all(0 < asked.types < 1 << count for asked in filters)
        for bit in range(count):
            assert {asked.types >> bit & 1 for asked in filters} == {0, 1}
