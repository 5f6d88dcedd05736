"""`redis-rehearsal reset`: let a run begin again."""

import sys

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address


def reset(*, bind_address: Address = DEFAULT_ADDRESS, control_token: Token = None) -> int:
    """End a run, its report included, and let another one begin from a fresh state, with the same settings.

    On servers of yours that removes what is under our prefix, and our PostgreSQL schema. Exit codes: 0 done, 2 refused,
    3 interrupted.

    Args:
        bind_address: Where the run serves HTTP.
        control_token: The run's token, better in the environment, where others do not see it; a run of yours on this
            machine needs none.
    """
    client = Client(bind_address, control_token)
    client.check()
    client.call("POST", "/api/reset")
    sys.stdout.write("The run ends and begins again; redis-rehearsal status shows how far it is.\n")
    return 0
