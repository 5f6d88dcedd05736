"""Holds the ledgers of live structures against the servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import redis.asyncio as redis
from numpy.typing import NDArray

from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.lanes import Lanes
from redis_rehearsal.verification.live_lists import judge_lists
from redis_rehearsal.verification.live_reading import read_structures, read_width
from redis_rehearsal.verification.reconcile import Reconciliation, reconcile
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.live import LiveStructure

_SETTLE_ROUNDS: Final = 20
_SETTLE_TENANTS: Final = 10


@dataclass(slots=True)
class LiveLedger:
    """The ledger of one kind of structure, of one worker.

    Attributes:
        structure: the kind.
        width: how many things in one are accounted for.
        ledger: the account; of recent events the lane `baseline` has their codes.
    """

    structure: LiveStructure
    width: int
    ledger: Ledger


async def audit_live(
    clients: Mapping[Role, redis.Redis],
    keys: Keys,
    live: LiveLedger,
    organizations: Sequence[int],
    truths: NDArray[np.int64],
    bucket: int,
    bucket_start_seconds: int,
    fallback: Role | None,
) -> Audit:
    """Hold one bucket of a kind of structure against its tenants' truths; also right while writes are under way.

    Args:
        clients: of the servers.
        keys: the names of keys.
        live: the ledger.
        organizations: number of the organisation of each tenant.
        truths: index into `ROLES` of each tenant's truth.
        bucket: number of the bucket.
        bucket_start_seconds: when it began, Unix time.
        fallback: the server that has what the truth does not have yet; None for none.

    Raises:
        RedisError, OSError, TimeoutError: a server could not be read.
    """
    names = [keys.live(live.structure.name, organization, bucket_start_seconds) for organization in organizations]

    async def read(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        shape = (len(names), read_width(live.structure, live.width))
        values, foreign = np.zeros(shape, dtype=np.int64), np.zeros(len(names), dtype=np.int64)
        for index, role in enumerate(ROLES):
            here = rows[truths[rows] == index]
            wanted = [names[row] for row in here]
            values[here], foreign[here] = await read_structures(clients[role], live.structure, wanted, live.width)
            absent = here[~values[here].any(axis=1)]
            if fallback is not None and len(absent):
                again = [names[row] for row in absent]
                values[absent], foreign[absent] = await read_structures(
                    clients[fallback], live.structure, again, live.width
                )
        return values, foreign

    everything = np.arange(len(names))
    before = Lanes.of(live.ledger, bucket)
    values, foreign = await read(everything)
    lanes = Lanes.of(live.ledger, bucket)
    doubtful: NDArray[np.bool_] = np.asarray(~lanes.is_quiet(before).all(axis=1))
    for _ in range(_SETTLE_ROUNDS):
        if not doubtful.any():
            break
        rows = np.flatnonzero(doubtful)
        # Few at a time: the less time passes, the fewer are written to in it.
        for some in np.array_split(rows, -(-len(rows) // _SETTLE_TENANTS)):
            before = Lanes.of(live.ledger, bucket)
            again, strange = await read(some)
            after = Lanes.of(live.ledger, bucket)
            quiet = some[after.is_quiet(before)[some].all(axis=1)]
            lanes.take(quiet, after)
            values[quiet], foreign[quiet] = again[quiet], strange[quiet]
            doubtful[quiet] = False
    return _judged(live, names, lanes, values, foreign, ~doubtful)


def _judged(
    live: LiveLedger,
    names: Sequence[str],
    lanes: Lanes,
    values: NDArray[np.int64],
    foreign: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> Audit:
    rows = np.flatnonzero(sure)
    if live.structure.name == "recent":
        found, wrong_lists = judge_lists(lanes, values, rows)
        wrong = {names[row] for row in wrong_lists}
    else:
        found = _counted(live, lanes, values, sure)
        wrong = {names[int(rows[place // live.width])] for place in found.wrong}
    found.counters = int(sure.sum())
    found.unverified_counters = int((~sure).sum())
    found.duplicated += int(foreign[sure].sum())
    found.duplicated_at_most += int(foreign[sure].sum())
    wrong |= {names[row] for row in rows.tolist() if foreign[row]}
    verified = {names[row] for row in rows.tolist()} - wrong
    unsettled = {names[row] for row in np.flatnonzero(~sure).tolist()}
    return Audit(structures={live.structure.name: found}, verified=verified, unsettled=unsettled)


def _counted(live: LiveLedger, lanes: Lanes, values: NDArray[np.int64], sure: NDArray[np.bool_]) -> Reconciliation:
    acknowledged, possible, stranded, doubtful = lanes.acknowledged, lanes.possible, lanes.stranded, lanes.doubtful
    if not live.structure.counts:
        # It is there or not, however often it was written; stranded only where no other server has it.
        surely = (acknowledged > 0) & (stranded >= acknowledged)
        doubtful = ((acknowledged > 0) & ~surely & (stranded + doubtful >= acknowledged)).astype(np.int64)
        stranded = surely.astype(np.int64)
        acknowledged, possible = np.minimum(acknowledged, 1), np.minimum(possible, 1)
    return reconcile(
        np.zeros_like(values[sure]), acknowledged[sure], possible[sure], values[sure], stranded[sure], doubtful[sure]
    )


def unread(live: LiveLedger, bucket: int) -> Audit:
    """What there is to say of a bucket that cannot be read any more."""
    lanes = Lanes.of(live.ledger, bucket)
    written = int(lanes.possible.any(axis=1).sum())
    result = Reconciliation(unverified_counters=written, acknowledged=int(lanes.acknowledged.sum()))
    return Audit(structures={live.structure.name: result})
