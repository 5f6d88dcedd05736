"""Holds lists of recent events against their ledgers. Pure: arrays in, counts out.

All pushes to a server leave on one connection, and none leaves on another before the outcome of those on a broken one
is known. So an event that was acknowledged was applied before all that were sent after it, and has to stand below
them; only of one whose outcome is unknown, or that a server acknowledged that was not the truth any more, it is not
known where it stands: it is loose.
"""

from bisect import bisect_left
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.verification.lanes import Lanes
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.workload.live import DROPPED, LENGTH, RECENT_ACCOUNTED, RECENT_KEPT, number_of

_UNTRIMMED: Final = 1
"""A list may hold one more than is kept, where it was not cut after the last event."""


def judge_lists(lanes: Lanes, found: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Reconciliation, list[int]]:
    """Compare lists with their ledgers.

    Args:
        lanes: of all lists, shape (lists, places).
        found: the codes of their elements from the newest on, 0 where there are no more, shape (lists, read).
        rows: the lists that nothing was on its way to.

    Returns:
        The sums, and the lists with anything wrong.
    """
    result = Reconciliation(acknowledged=int(lanes.acknowledged[rows].sum()), unknown=int(lanes.unknown[rows].sum()))
    wrong = []
    codes = np.where(lanes.possible > 0, lanes.baseline, 0)
    dropped, lengths = lanes.baseline[:, DROPPED], lanes.baseline[:, LENGTH]
    # What may be stranded is taken for it: of a list that lacks it, either is wrong.
    late = (lanes.stranded > 0) | (lanes.doubtful > 0)
    loose = (lanes.unknown > 0) | late
    # Of nearly all lists everything is known, and as it is to be.
    expected = -np.sort(-codes, axis=1)[:, :RECENT_KEPT]
    full = (lanes.baseline[:, :RECENT_ACCOUNTED] > 0).all(axis=1)
    plain = (dropped == 0) & ~loose.any(axis=1) & ~(full & (expected == 0).any(axis=1))
    right = np.asarray(
        plain & (found[:, :RECENT_KEPT] == expected).all(axis=1) & ~found[:, RECENT_KEPT:].any(axis=1), dtype=np.bool_
    )
    for row in rows[~right[rows]].tolist():
        unknown = lanes.unknown[row] > 0
        one = judge_list(
            acknowledged=codes[row][~unknown & (codes[row] > 0)].tolist(),
            unknown=codes[row][unknown].tolist(),
            stranded=set(codes[row][late[row]].tolist()),
            full=bool(lanes.baseline[row, :RECENT_ACCOUNTED].all()),
            elements=[code for code in found[row].tolist() if code],
            dropped=int(dropped[row]),
            length=int(lengths[row]),
        )
        result.merge(one)
        if one.surely_wrong:
            wrong.append(row)
    return result, wrong


def judge_list(
    acknowledged: list[int],
    unknown: list[int],
    stranded: set[int],
    *,
    full: bool,
    elements: list[int],
    dropped: int,
    length: int,
) -> Reconciliation:
    """Compare one list with its ledger.

    Args:
        acknowledged: codes of the events that were, of those that the ledger remembers.
        unknown: codes of those whose outcome is unknown.
        stranded: of those acknowledged, the ones by a server that was not the truth any more.
        full: whether the ledger may have forgotten older ones.
        elements: codes of what is there, from the newest on.
        dropped: how many elements were found to be missing as events were added.
        length: of the list when an event was last added.
    """
    possible = {*acknowledged, *unknown}
    present = set(elements) & possible
    loose = {*unknown, *stranded}
    firm = [code for code in acknowledged if code not in stranded]
    oldest = min(map(number_of, possible), default=0) if full else 0
    twice = sum(code in possible for code in elements) - len(present)
    # What is older than what is remembered may be there; what has no number that was sent may not.
    strange = sum(code < 0 or (code not in possible and number_of(code) >= oldest) for code in elements)
    too_many = max(0, len(elements) - twice - strange - RECENT_KEPT - _UNTRIMMED - len(unknown))
    duplicated = twice + strange + too_many
    missing, at_most = _missing(firm, acknowledged, loose, present, kept=len(elements))
    left = sum(code in stranded for code in missing)
    left_at_most = sum(code in stranded for code in at_most)
    unseen = len(unknown) - len(present.intersection(unknown))
    forgotten = max(0, RECENT_KEPT - len(acknowledged) - len(unknown) + unseen) if full else 0
    gone = 0
    if full or len(acknowledged) > RECENT_KEPT:
        # Others have taken the place of some since; where none were pushed out, each that is missing is known.
        gone = dropped + max(0, min(length, RECENT_KEPT) - len(elements)) - left
    return Reconciliation(
        # Some of those may be ones that were never acknowledged.
        lost=max(len(missing) - left, gone - unseen),
        lost_at_most=max(len(at_most) - left_at_most + forgotten, gone),
        stranded=left,
        stranded_at_most=left_at_most,
        duplicated=duplicated,
        duplicated_at_most=duplicated,
        disordered=_disordered([code for code in dict.fromkeys(elements) if code in present and code not in loose]),
        forgotten=forgotten,
    )


def _missing(
    firm: list[int], acknowledged: list[int], loose: set[int], present: set[int], *, kept: int
) -> tuple[list[int], list[int]]:
    """Acknowledged events that are not there and surely have to be, and those that perhaps have to be."""
    firm_numbers = sorted(map(number_of, firm))
    loose_count = len(loose)
    there = sorted(number_of(code) for code in firm if code in present)
    missing, at_most = [], []
    for code in acknowledged:
        if code in present:
            continue
        number = number_of(code)
        newer = len(firm_numbers) - bisect_left(firm_numbers, number + 1)
        # Those that are loose may have come after it, whatever their numbers.
        if newer + loose_count - (code in loose) < RECENT_KEPT:
            missing.append(code)
            at_most.append(code)
        elif newer < RECENT_KEPT and (kept < RECENT_KEPT or (there and there[0] < number)):
            at_most.append(code)
    return missing, at_most


def _disordered(codes: list[int]) -> int:
    """How many of what stands from the newest on have to be taken away so that the rest is in order."""
    # The longest falling sequence, as the longest rising one of what is negative.
    ends: list[int] = []
    for code in codes:
        value = -number_of(code)
        place = bisect_left(ends, value)
        ends[place : place + 1] = [value]
    return len(codes) - len(ends)
