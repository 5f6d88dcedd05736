"""`redis-rehearsal switch`: point the application of a run to another server, by hand."""

import sys
from typing import Annotated, Final

from cyclopts import Parameter

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.status import describe
from redis_rehearsal.migration.options import SwitchOptions

_SLACK_SECONDS: Final = 60.0


def switch(
    *,
    options: Annotated[SwitchOptions, Parameter(name="*")],
    bind_address: Address = DEFAULT_ADDRESS,
    control_token: Token = None,
) -> int:
    """Point the application to another server, and print the status as it is then.

    Nothing is copied: what the other server lacks is lost to the application, and the ledger will show it.
    Exit codes: 0 done, 2 refused, 3 interrupted.

    Args:
        options: Where to, and how.
        bind_address: Where the run serves HTTP.
        control_token: The run's token, better in the environment, where others do not see it; a run of yours on this
            machine needs none.
    """
    client = Client(bind_address, control_token)
    client.check()
    # The answer comes when the last tenant has moved.
    timeout_seconds = options.freeze_bound + options.rollout + _SLACK_SECONDS
    sys.stdout.write(describe(client.call("POST", "/api/switch", options, timeout_seconds)))
    return 0
