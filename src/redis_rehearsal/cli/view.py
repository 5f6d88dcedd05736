"""`redis-rehearsal view`: the page of a run that was saved."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.saved import DOCUMENT, read_document, read_run
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.settings import Settings
from redis_rehearsal.web.app import make_saved_app
from redis_rehearsal.web.server import WebServer


def view(
    saved_run: Path | None = None,
    /,
    *,
    run_dir: Annotated[Path, Parameter(env_var="RUN_DIR")] = Path("runs"),
    bind_address: Address = DEFAULT_ADDRESS,
) -> int:
    """Show a run that has ended on the same page as while it lasted, until Ctrl-C.

    Exit codes: 0 ended by Ctrl-C, 2 there is no such run.

    Args:
        saved_run: Directory of the run, or its run.json. Default: the latest one in RUN_DIR.
        run_dir: Where runs leave their directories.
        bind_address: Where to serve it.
    """
    path = _latest(run_dir) if saved_run is None else saved_run
    run = read_run(path, read_document(path))
    settings = Settings(bind_address=bind_address)
    asyncio.run(_serve(run, settings.bind_host, settings.bind_port, path))
    return 0


def _latest(run_dir: Path) -> Path:
    # Their names are the times at which they began.
    found = sorted(path.parent for path in run_dir.glob(f"*/{DOCUMENT}"))
    if not found:
        raise ConfigurationError(f"There is no run in {run_dir}; name the directory of one.")
    return found[-1]


async def _serve(run: RunData, host: str, port: int, path: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    web = WebServer(make_saved_app(run), host, port)
    await web.start()
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"serving {web.address}/ with the run {path}; Ctrl-C ends it\n")
        sys.stderr.flush()
    await stopped.wait()
    await web.close()
