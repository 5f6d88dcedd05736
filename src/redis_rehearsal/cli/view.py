"""`redis-rehearsal view`: the page of a run that was saved."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from redis_rehearsal.cli.client import Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.saved import DEFAULT_RUN_DIR, RunDir, latest_run, read_document, read_run
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.settings import Settings, explain
from redis_rehearsal.web.app import make_saved_app
from redis_rehearsal.web.guard import make_token
from redis_rehearsal.web.server import WebServer


def view(
    saved_run: Path | None = None,
    /,
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    bind_address: Address = DEFAULT_ADDRESS,
    control_token: Token = None,
) -> int:
    """Show a run that has ended on the same page as while it lasted, until Ctrl-C.

    Exit codes: 0 ended by Ctrl-C, 2 there is no such run.

    Args:
        saved_run: Directory of the run, or its run.json. Default: the latest one in RUN_DIR.
        run_dir: Where runs leave their directories.
        bind_address: Where to serve it.
        control_token: What another machine must know to see it. Default: one that is made for it.
    """
    path = latest_run(run_dir) if saved_run is None else saved_run
    run = read_run(path, read_document(path))
    try:
        settings = Settings.model_validate({"bind_address": bind_address, "control_token": control_token})
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    asyncio.run(_serve(run, settings, path))
    return 0


async def _serve(run: RunData, settings: Settings, path: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    token = settings.control_token.get_secret_value() if settings.control_token else make_token()
    web = WebServer(make_saved_app(run, token), settings.bind_host, settings.bind_port)
    await web.start()
    # What is no terminal is kept by somebody, and the token lets in who reads it.
    shown = f"#token={token}" if settings.control_token is None and sys.stderr.isatty() else ""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"serving {web.address}/{shown} with the run {path}; Ctrl-C ends it\n")
        sys.stderr.flush()
    await stopped.wait()
    await web.close()
