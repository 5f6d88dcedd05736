"""Many seeds at once: `python -m tests.simulation.campaign --seeds 1000`, or one again: `--seed 4711`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from redis_rehearsal.clock import monotonic
from tests.simulation.defects import DEFECTS, finds
from tests.simulation.judging import Judged, Tally, judged, smaller, tallied
from tests.simulation.scenario import Scenario, drawn, faultless

_PIECE: Final = 25


def _piece(kind: str, first: int, count: int) -> Tally:
    make: Callable[[int], Scenario] = faultless if kind == "faultless" else drawn
    return tallied(make, range(first, first + count), must_pass=kind == "faultless")


def _many(kind: str, first: int, count: int, processes: int) -> Tally:
    """Live and judge many, and say how far it is."""
    whole, began = Tally(), monotonic()
    with ProcessPoolExecutor(processes) as pool:
        pieces = [
            pool.submit(_piece, kind, start, min(_PIECE, first + count - start))
            for start in range(first, first + count, _PIECE)
        ]
        for done, piece in enumerate(pieces, 1):
            found = piece.result()
            whole.merge(found)
            for each in found.wrong:
                sys.stderr.write(f"seed {each.scenario.seed}: {'; '.join(each.wrong)}\n")
            if done % 40 == 0:
                sys.stderr.write(f"{done * _PIECE} of {count}, {len(whole.wrong)} wrong\n")
    seconds = monotonic() - began
    listed = ", ".join(f"{status} {number}" for status, number in sorted(whole.verdicts.items()))
    _say(
        f"{count} {kind} seeds in {seconds:.0f} s ({count / seconds:.1f} a second): {listed}; {len(whole.wrong)} wrong"
    )
    return whole


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _show(found: Judged, *, trace: bool) -> None:
    for line in found.scenario.lines():
        _say(line)
    if trace and found.world is not None:
        for line in found.world.lines():
            _say(line)
        record = found.world.record
        if record is not None and record.assessment is not None:
            for each in record.assessment.verdict.criteria:
                _say(f"  {each.name}: {each.status}, {each.measured} of {each.limit} {each.reason}")
    _say(f"verdict {found.verdict}; " + ("; ".join(found.wrong) or "nothing is wrong about it"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone, with its trace")
    parser.add_argument("--faultless", action="store_true", help="seeds in which nothing goes wrong: all must pass")
    parser.add_argument("--defects", action="store_true", help="which planted defects are found")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    if given.defects:
        found = {name: [finds(name, seed) for seed in range(given.seeds)].count(True) for name in DEFECTS}
        for name, count in found.items():
            _say(f"{name}: found by {count} of {given.seeds}")
        return 0 if all(found.values()) else 1
    if given.seed is not None:
        one = judged(faultless(given.seed) if given.faultless else drawn(given.seed), must_pass=given.faultless)
        _show(one, trace=True)
        return 1 if one.wrong else 0
    whole = _many("faultless" if given.faultless else "drawn", given.first, given.seeds, given.processes)
    for cause, count in whole.causes.most_common():
        _say(f"  unknown, {cause}: {count}")
    for each in whole.wrong:
        _say("")
        _show(each, trace=False)
    if whole.wrong:
        _say("\nThe first of them, made smaller:")
        _show(
            smaller(judged(whole.wrong[0].scenario, must_pass=given.faultless), must_pass=given.faultless), trace=True
        )
    return 1 if whole.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
