"""`redis-rehearsal set`: change the load of a run."""

import sys
from typing import Annotated, Final

from cyclopts import Parameter

from redis_rehearsal.cli.client import Client, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.migration.explain import as_flag
from redis_rehearsal.migration.options import LoadChange

_NOTHING: Final = LoadChange()


def set_load(
    *,
    change: Annotated[LoadChange, Parameter(name="*")] = _NOTHING,
    bind_address: Address = DEFAULT_ADDRESS,
    control_token: Token = None,
) -> int:
    """Change the load of a run, and print it as it is then.

    Exit codes: 0 done, 2 refused, 3 interrupted.

    Args:
        change: What is to change; what is not given stays.
        bind_address: Where the run serves HTTP.
        control_token: The run's token, better in the environment, where others do not see it; a run of yours on this
            machine needs none.
    """
    if not change.model_fields_set:
        flags = [as_flag(field) for field in LoadChange.model_fields]
        raise ConfigurationError(f"Nothing is to change; give {', '.join(flags[:-1])} or {flags[-1]}.")
    client = Client(bind_address, control_token)
    client.check()
    load = client.call("PATCH", "/control", change)
    for name, value in load.items():
        sys.stdout.write(f"{name:<18}  {f'{value:,g}' if isinstance(value, float) else value}\n")
    return 0
