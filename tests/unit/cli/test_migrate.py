import signal
import threading
import time
from collections.abc import Iterator

import pytest

from redis_rehearsal.cli.migrating import interrupts


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    """In the background of a script Ctrl-C is ignored, and stays so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_comes_through_wherever_it_finds_who_waits() -> None:
    """It may come at every moment of the wait, also when that has just begun or is about to end."""
    waiting, noted, times = threading.get_ident(), 0, 200

    def interrupt() -> None:
        for number in range(times):
            signal.pthread_kill(waiting, signal.SIGINT)
            # A second one, unanswered, would be another thing.
            while noted <= number:
                time.sleep(0)

    with interrupts() as interrupted:
        thread = threading.Thread(target=interrupt, daemon=True)
        thread.start()
        while noted < times:
            interrupted.wait(0.001)
            if interrupted.pending:
                interrupted.pending = False
                noted += 1
        thread.join()


def test_a_second_ctrl_c_unanswered_interrupts_as_ever() -> None:
    with interrupts() as interrupted:
        signal.raise_signal(signal.SIGINT)
        interrupted.wait(60)  # it was said already
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
