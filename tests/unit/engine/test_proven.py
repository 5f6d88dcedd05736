from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.proven import ProvenReplies

REPLIES: list[Any] = [b"a", b"b", None, [], [b"a"], [b"b"]]
questions = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("add"), questions, st.sampled_from(REPLIES), st.floats(0, 3)),
    st.tuples(st.just("forget"), questions),
    st.tuples(st.just("pass"), st.floats(0, 2)),
    st.tuples(st.just("look"), st.lists(st.tuples(questions, st.sampled_from(REPLIES)), max_size=6)),
)


@given(st.lists(steps, max_size=40))
def test_only_what_was_proven_and_is_neither_old_nor_forgotten_is_known(done: list[tuple[Any, ...]]) -> None:
    proven, now = ProvenReplies(), 0.0
    known: dict[int, tuple[Any, float]] = {}
    for what, *given_ in done:
        if what == "add":
            question, reply, seconds = given_
            proven.add(question, reply, now + seconds)
            known[question] = reply, now + seconds
        elif what == "forget":
            proven.forget(given_[0])
            known.pop(given_[0], None)
        elif what == "pass":
            now += given_[0]
        else:
            (asked,) = given_
            known = {question: each for question, each in known.items() if each[1] > now}
            others = [
                place
                for place, (question, reply) in enumerate(asked)
                if question not in known or known[question][0] != reply
            ]
            assert proven.others([question for question, _ in asked], [reply for _, reply in asked], now) == others


def test_what_is_not_there_is_never_known() -> None:
    assert ProvenReplies().others([1, (1, 2, 3)], [None, None], 0.0) == [0, 1]


def test_what_is_proven_again_and_again_takes_no_more_memory() -> None:
    proven = ProvenReplies()
    for turn in range(10_000):
        proven.add(1, b"a", float(turn))
        proven.forget(1)
    assert len(proven._expiries) < 1_010
    proven.add(1, b"a", 10_000.0)
    assert proven.others([1], [b"a"], 9_999.5) == []
    assert proven.others([1], [b"a"], 10_000.0) == [0]
