"""The ledger held against the servers: what was acknowledged, and what of it is there."""

from collections.abc import Mapping, Sequence

from redis_rehearsal.document.base import Given, Part


class WorstCounter(Part, frozen=True, kw_only=True):
    """A counter of which something is lost, duplicated or stranded, and how that adds up.

    Attributes:
        key: its name.
        organization: whose it is.
        lost: acknowledged and missing.
        duplicated: counted more often than sent.
        stranded: acknowledged by a server that was not the truth any more.
        before: B, its value on the source before the first event.
        acknowledged: A, increments acknowledged.
        unknown: U, increments that may or may not have been applied.
        too_late: S, increments acknowledged by a server that was not the truth any more.
        on_truth: T, its value at the end.
    """

    key: Given[str]
    organization: Given[int]
    lost: Given[int]
    duplicated: Given[int]
    stranded: Given[int]
    before: Given[int]
    acknowledged: Given[int]
    unknown: Given[int]
    too_late: Given[int]
    on_truth: Given[int]


class StructureLedger(Part, frozen=True, kw_only=True):
    """One kind of live structure held against the servers.

    Attributes:
        structures: how many were compared.
        unverified_structures: how many could not be.
        acknowledged: writes.
        unknown: writes that may or may not have been applied.
        lost: acknowledged and missing, surely.
        lost_at_most: the same, at most.
        stranded: missing because a server acknowledged it after it had stopped being the truth, surely.
        stranded_at_most: the same, at most.
        duplicated: counted more often than sent, surely.
        duplicated_at_most: the same, at most.
        disordered: of lists, elements out of order.
        forgotten: elements that the ledger does not remember, and that were not checked.
    """

    structures: Given[int]
    unverified_structures: Given[int]
    acknowledged: Given[int]
    unknown: Given[int]
    lost: Given[int]
    lost_at_most: Given[int]
    stranded: Given[int]
    stranded_at_most: Given[int]
    duplicated: Given[int]
    duplicated_at_most: Given[int]
    disordered: Given[int]
    forgotten: Given[int]


class Ledger(Part, frozen=True, kw_only=True):
    """Increments acknowledged, held against the counters on the servers, each tenant's on its truth.

    Attributes:
        counters: counters compared.
        unverified_counters: those that could not be, because their value before the first write or at the end is not
            known.
        acknowledged: increments.
        unknown: increments that may or may not have been applied.
        missing: acknowledged and not on the truth, lost or stranded, surely.
        missing_at_most: the same, at most.
        lost: acknowledged and missing, surely.
        lost_at_most: the same, at most.
        stranded: missing because a server acknowledged them after it had stopped being the truth, surely.
        stranded_at_most: the same, at most.
        duplicated: counted more often than sent, surely.
        duplicated_at_most: the same, at most.
        worst: the counters with most of these, at most ten.
        error: why some of it could not be compared; `lost` and the others are what was found all the same, null where
            that is nothing.
    """

    counters: int | None
    unverified_counters: Given[int]
    acknowledged: int | None
    unknown: int | None
    missing: int | None
    missing_at_most: int | None
    lost: int | None
    lost_at_most: int | None
    stranded: int | None
    stranded_at_most: int | None
    duplicated: int | None
    duplicated_at_most: int | None
    worst: Sequence[WorstCounter]
    error: str | None


class RunLedger(Ledger, frozen=True, kw_only=True):
    """The ledger of a run.

    Attributes:
        redirected: increments that a server refused and that were sent again on the current route.
        structures: the live structures, by kind; none where all reports are strings.
    """

    redirected: Given[int]
    structures: Mapping[str, StructureLedger]
