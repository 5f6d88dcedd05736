import math
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.node import Node
from redis_rehearsal.engine import encoding
from redis_rehearsal.engine.encoding import Message, decode, encode
from redis_rehearsal.engine.messages import Answering, Reached, SetLoad, Snapshot
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.errors import MessageError
from redis_rehearsal.telemetry.histogram import Histogram
from tests.unit.report.made import snapshot, tally


def histogram(durations: list[float]) -> Histogram:
    found = Histogram()
    found.record(durations)
    return found


st.register_type_strategy(Histogram, st.lists(st.floats(0, 100), max_size=20).map(histogram))
st.register_type_strategy(
    np.ndarray, st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=4).map(np.array)
)
KINDS: tuple[type[Any], ...] = get_args(Message)


def made(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Messages of a kind, of whose numbers each fits into 64 bits."""
    return st.from_type(kind).filter(fits)


def fits(message: Message) -> bool:
    try:
        encode(message)
    except OverflowError:
        return False
    return True


messages = st.one_of([made(kind) for kind in KINDS])


@given(messages)
def test_a_message_is_the_same_on_the_other_side(message: Message) -> None:
    data = encode(message)
    told = decode(data)
    assert type(told) is type(message)
    assert encode(told) == data


def test_there_is_every_kind_of_message() -> None:
    assert {WorkerPlan, Snapshot, SetLoad, Reached} < set(KINDS)
    assert set(encoding._decoders) == {kind.__name__ for kind in KINDS}


def test_what_is_told_has_the_types_that_it_had() -> None:
    node = Node("a" * 40, "master", 12)
    sent = snapshot(2, [tally(7, hits=5)], [tally(3)])
    sent.counts.recorded_queries.gaps.append(Gap(1.0, 3.5, ((2.0, 2.25),)))
    sent.counts.generator.stalls.append((2.0, 2.25))
    sent.open_event_gap = Gap(4.0, 5.0)
    sent.nodes = {"source": Answering({node: 4}, mixed=False, silent=1)}
    told = decode(encode(sent))
    assert isinstance(told, Snapshot)
    assert (
        told.worker,
        told.counts.recorded_queries.tallies[0].offered,
        told.counts.recorded_queries.tallies[0].hits,
    ) == (2, 7, 5)
    assert told.counts.recorded_queries.tallies[0].response.quantile(1.0) == 0.0015
    assert told.counts.operations["source", "read"].count == 50
    assert told.nodes["source"].connections == {node: 4}
    assert next(iter(told.nodes["source"].connections)).up_seconds == 12
    assert told.counts.recorded_queries.gaps[0].at_least_seconds == 1.25
    assert told.open_event_gap == Gap(4.0, 5.0)
    assert told.counts.generator.stalls == [(2.0, 2.25)]


def test_numbers_of_numpy_are_numbers_and_infinity_stays() -> None:
    told = decode(encode(Reached("source", "", np.float64(1.5), 2.0, -math.inf)))
    assert told == Reached("source", "", 1.5, 2.0, -math.inf)


@given(st.binary(max_size=200))
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError, match=r"no message|version"):
        decode(data)


@given(messages, st.data())
def test_a_damaged_message_is_one_or_is_refused(message: Message, data: st.DataObject) -> None:
    damaged = bytearray(encode(message))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    try:
        told = decode(bytes(damaged))
    except MessageError:
        return
    assert isinstance(told, KINDS)


def test_one_of_another_version_is_refused_by_that() -> None:
    other = msgspec.msgpack.encode((encoding.VERSION + 1, "Reached", {}))
    with pytest.raises(MessageError, match="must be of one release"):
        decode(other)


@pytest.mark.parametrize("held", [object(), 3 + 4j])
def test_what_no_message_may_hold_cannot_be_sent(held: object) -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        encode(Reached("source", held, 0.0, 0.0, 0.0))  # type: ignore[arg-type]
