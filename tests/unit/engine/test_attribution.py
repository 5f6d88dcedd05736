"""What one server acknowledged while another one was the truth."""

import pytest

from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.engine.attribution import MOST_ENTRIES, Attribution
from redis_rehearsal.engine.ledger import Ledger, create_memory

OLD, NEW, OTHER = "old", "new", "other"


def connection(run_id: str) -> Connection:
    made = Connection(lambda _: None)
    made.ready = True
    made.note_node(Node(run_id, "master"))
    return made


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger(create_memory(Ledger.size_bytes(1, 5, 4)), 1, 5, 4)
    made.open_bucket(0, None)
    return made


class World:
    """Acknowledgements and looks at times that a test chooses."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.attribution = Attribution()

    def acknowledged(self, link: Connection, at: float, count: int = 1, written: float | None = None) -> None:
        since = at if written is None else written
        self.attribution.acknowledged("source", link, since, at, self.ledger, [0] * count)

    def reached(self, run_id: str, began: float, answered: float, started: float = -float("inf")) -> None:
        self.attribution.reached("source", run_id, began, answered, started)

    def found(self, now: float = 1_000.0) -> tuple[int, int]:
        """Stranded and doubtful."""
        self.attribution.close(now)
        return self.ledger.stranded[0], self.ledger.doubtful[0]


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def test_what_the_only_server_acknowledged_is_not_stranded(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(link, 1.5)
    world.reached(OLD, 2.0, 2.01)
    assert world.found() == (0, 0)


def test_what_the_old_one_acknowledged_after_the_move_is_stranded(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(link, 1.5, 10)
    world.reached(OLD, 2.0, 2.01)
    # The move lies between the last look that reached the old one and the first that reached the new one.
    world.acknowledged(link, 2.05, 20)
    world.reached(NEW, 2.1, 2.11)
    world.acknowledged(link, 2.2, 40)
    world.acknowledged(connection(NEW), 2.3, 80)
    world.reached(NEW, 3.0, 3.01)
    link.note_node(Node(OLD, "master"))
    assert world.found() == (40, 20)


def test_an_answer_that_was_taken_long_after_it_was_given_may_have_been_in_time(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 2.0, 2.01)
    world.acknowledged(link, 3.0, 10, written=1.5)
    world.acknowledged(link, 3.0, 20, written=2.01)
    assert world.found() == (20, 10)


def test_what_was_answered_between_two_looks_that_differ_belongs_to_either(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 2.0, 2.01)
    world.acknowledged(link, 2.5, 10)
    link.note_node(Node(OLD, "master"))
    world.acknowledged(link, 3.0, 20)
    link.note_node(Node(NEW, "master"))
    world.acknowledged(link, 3.5, 40)
    link.note_node(Node(NEW, "master"))
    assert world.found() == (10, 20)


def test_a_server_that_nobody_reached_may_be_the_next_one(world: World) -> None:
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(connection(OTHER), 1.5, 7)
    world.reached(OLD, 2.0, 2.01)
    assert world.found() == (0, 7)


def test_one_that_came_back_is_the_truth_again(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 2.0, 2.01)
    world.acknowledged(link, 2.5, 3)
    world.reached(NEW, 3.0, 3.01)
    world.reached(OLD, 4.0, 4.01)
    world.acknowledged(link, 4.5, 5)
    world.acknowledged(connection(NEW), 4.6, 11)
    assert world.found() == (3 + 11, 0)


def test_nothing_is_decided_before_it_is_known_where_new_connections_lead(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(link, 1.5, 9)
    link.note_node(Node(OLD, "master"))
    world.attribution.settle(1.6)
    # The next look says that the move had come before.
    world.reached(NEW, 2.0, 2.01)
    assert world.found() == (0, 9)


def test_another_server_on_purpose_begins_anew(world: World) -> None:
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 2.0, 2.01)
    world.acknowledged(connection(OLD), 2.5, 3)
    world.attribution.forget("source")
    world.reached(OTHER, 3.0, 3.01)
    world.acknowledged(connection(OTHER), 3.5, 5)
    assert world.found() == (0, 0)


def test_what_is_too_much_to_keep_may_be_stranded(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    for number in range(MOST_ENTRIES + 5):
        world.acknowledged(link, 2.0 + number / 1e6)
    world.attribution.settle(2.0)
    assert world.ledger.doubtful[0] == 5


def test_what_is_not_settled_yet_is_in_doubt_from_the_move_on(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(link, 2.05, 10)
    assert world.ledger.doubtful[0] == 0
    world.reached(NEW, 2.1, 2.11)
    world.acknowledged(link, 2.2, 20)
    world.acknowledged(connection(NEW), 2.3, 40)
    world.attribution.settle(2.4)
    assert (world.ledger.stranded[0], world.ledger.doubtful[0]) == (0, 70)
    link.note_node(Node(OLD, "master"))
    world.reached(NEW, 3.0, 3.01)
    world.attribution.settle(9.0)
    assert (world.ledger.stranded[0], world.ledger.doubtful[0]) == (20, 10)
    assert world.found() == (20, 10)


def test_where_another_recent_event_took_the_place_it_is_left_alone(world: World) -> None:
    link, ledger = connection(OLD), world.ledger
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 2.0, 2.01)
    for place, code in ((0, 71), (1, 72)):
        ledger.baseline[place] = code
    world.attribution.acknowledged("source", link, 2.5, 2.5, ledger, [0, 1], [71, 72])
    # As a list begins the account of the next event in the place of the oldest one.
    ledger.baseline[0], ledger.doubtful[0] = 73, 0
    world.attribution.acknowledged("source", connection(NEW), 2.6, 2.6, ledger, [0], [73])
    assert list(ledger.doubtful[:2]) == [1, 1]
    link.note_node(Node(OLD, "master"))
    world.reached(NEW, 3.0, 3.01)
    assert world.found() == (0, 0)
    assert list(ledger.stranded[:2]) == [0, 1]
    assert ledger.doubtful[1] == 0


def test_what_is_in_doubt_is_not_once_there_is_another_server_on_purpose(world: World) -> None:
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(connection(OLD), 1.5, 3)
    world.reached(NEW, 2.0, 2.01)
    world.acknowledged(connection(OLD), 2.5, 5)
    world.attribution.forget("source")
    assert world.found() == (0, 0)


def test_what_is_too_much_to_keep_stays_in_doubt(world: World) -> None:
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.reached(NEW, 1.1, 1.11)
    for number in range(MOST_ENTRIES + 5):
        world.acknowledged(link, 2.0 + number / 1e6)
    world.attribution.settle(2.0)
    world.reached(NEW, 3.0, 3.01)
    assert world.found() == (MOST_ENTRIES, 5)


def test_who_does_not_say_who_it_is_strands_nothing_that_is_known(world: World) -> None:
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(connection(""), 1.5, 4)
    world.reached(OLD, 2.0, 2.01)
    assert world.found() == (0, 0)


def test_a_server_that_was_not_started_yet_was_not_the_one_that_was_meant(world: World) -> None:
    """One that was killed and started anew: what it had acknowledged is lost, and nobody is to have held it back."""
    link = connection(OLD)
    world.reached(OLD, 1.0, 1.01)
    world.acknowledged(link, 1.4)
    link.ready = False
    world.reached(NEW, 3.0, 3.01, started=1.5)
    assert world.found() == (0, 0)


def test_when_a_server_was_started_is_known_to_the_second() -> None:
    told = b"# Server\r\nrun_id:abc\r\nuptime_in_seconds:0\r\nuptime_in_days:0\r\n"
    node = Node.of(told, [b"master", 0, []])
    assert (node.run_id, node.role, node.up_seconds) == ("abc", "master", 0)
    assert node.started_seconds(10.0) == 9.0
    assert node == Node.of(told.replace(b"seconds:0", b"seconds:7"), [b"master", 0, []])
    assert Node.of(None, None).started_seconds(10.0) == -float("inf")
