"""How unequal tenants are, and which worker drives which of them."""

import numpy as np
from numpy.typing import NDArray


def zipf_shares(count: int, skew: float) -> NDArray[np.float64]:
    """Share of the load of each of `count` ranks by a zipf law.

    Args:
        count: how many ranks, at least 1.
        skew: the exponent; 0 makes all ranks equal.

    Returns:
        float64 array of shape (count,), largest first, summing to 1.
    """
    weights = np.arange(1, count + 1, dtype=np.float64) ** -skew
    return np.asarray(weights / weights.sum())


def share_out(shares: NDArray[np.float64], workers: int) -> list[NDArray[np.int64]]:
    """Give every tenant to one worker so that the workers' loads are as equal as whole tenants allow.

    Longest processing time first: each tenant, largest first, goes to the worker with the least so far.

    Args:
        shares: of each tenant, largest first.
        workers: how many workers, at least 1 and at most as many as tenants.

    Returns:
        For each worker the indices of its tenants, ascending.
    """
    if workers == 1:
        return [np.arange(len(shares), dtype=np.int64)]
    loads = [0.0] * workers
    tenants: list[list[int]] = [[] for _ in range(workers)]
    for tenant, share in enumerate(shares.tolist()):
        least = min(range(workers), key=loads.__getitem__)
        loads[least] += share
        tenants[least].append(tenant)
    return [np.array(indices, dtype=np.int64) for indices in tenants]
