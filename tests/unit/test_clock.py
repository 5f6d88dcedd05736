import pytest

from redis_rehearsal.clock import Clocks, WallClock, given_by, monotonic, processor, unix, utc


def test_a_process_may_be_given_its_time_and_has_the_systems_again_afterwards() -> None:
    now = {"monotonic": 5.0, "unix": 1_700_000_000.0, "processor": 0.25}
    clocks = Clocks(lambda: now["monotonic"], lambda: now["unix"], lambda: now["processor"])
    before = monotonic()
    with given_by(clocks):
        assert (monotonic(), unix(), processor()) == (5.0, 1_700_000_000.0, 0.25)
        now["monotonic"] = 6.5
        assert monotonic() == 6.5
        assert utc().isoformat() == "2023-11-14T22:13:20+00:00"
    assert monotonic() >= before
    assert unix() > 1_700_000_000.0


def test_time_is_the_systems_again_where_what_had_another_failed() -> None:
    def fail() -> None:
        with given_by(Clocks(monotonic=lambda: -1.0)):
            raise ZeroDivisionError(monotonic())

    with pytest.raises(ZeroDivisionError, match=r"^-1\.0$"):
        fail()
    assert monotonic() >= 0


def test_a_step_of_the_systems_clock_does_not_change_the_time_of_a_run() -> None:
    now = {"monotonic": 100.0, "unix": 1_000_000.0}
    with given_by(Clocks(lambda: now["monotonic"], lambda: now["unix"])):
        clock = WallClock.start()
        now["monotonic"], now["unix"] = 103.0, 2_000_000.0
        assert clock.now() == 1_000_003.0
        assert clock.at(102.5) == 1_000_002.5
