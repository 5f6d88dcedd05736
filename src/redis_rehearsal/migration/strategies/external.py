"""The user's own tool does the copying."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import quote

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.context import Context, Step
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_used_target
from redis_rehearsal.migration.strategies.base import Strategy

_POLL_SECONDS: Final = 0.2
_READY_TIMEOUT_SECONDS: Final = 30.0
_KILL_SECONDS: Final = 5.0
_TAIL_LINES: Final = 5
LOG_NAME: Final = "external.log"


def url_of(endpoint: Endpoint) -> str:
    """The whole URL of a server, password included: for the environment of a tool, and nothing else."""
    login = ""
    if endpoint.password or endpoint.username:
        login = f"{quote(endpoint.username, safe='')}:{quote(endpoint.password, safe='')}@"
    if endpoint.path:
        return f"unix://{login}{quote(endpoint.path)}?db={endpoint.database}"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"redis{'s' if endpoint.tls else ''}://{login}{host}:{endpoint.port}/{endpoint.database}"


def environment(context: Context) -> dict[str, str]:
    """What a tool finds in its environment: ours but for CONTROL_TOKEN, and SOURCE_URL, TARGET_URL and their parts."""
    found = {name: value for name, value in os.environ.items() if name != "CONTROL_TOKEN"}
    found |= {"KEY_PREFIX": context.keys.prefix, "RUN_DIRECTORY": str(context.directory.resolve())}
    for name, server in (("SOURCE", context.source), ("TARGET", context.target)):
        endpoint = server.endpoint
        found |= {
            f"{name}_URL": url_of(endpoint),
            f"{name}_HOST": endpoint.host,
            f"{name}_PORT": str(endpoint.port),
            f"{name}_SOCKET": endpoint.path,
            f"{name}_USERNAME": endpoint.username,
            f"{name}_PASSWORD": endpoint.password,
            f"{name}_DATABASE": str(endpoint.database),
        }
    return found


def tail(path: Path) -> str:
    """The last lines of a tool's output."""
    lines = path.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if path.exists() else []
    return " / ".join(lines)


@contextlib.asynccontextmanager
async def _tool(context: Context, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    log = context.directory / LOG_NAME
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(context),
            start_new_session=True,  # so that its children can be ended with it
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS):
                await process.wait()
                break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # a child that outlived it


async def _check(context: Context) -> None:
    if not await _follows(context):
        await refuse_used_target(context)
    if context.options.freeze == "server":
        context.require_server_wide(context.source)


async def _follows(context: Context) -> bool:
    """Whether the target is a replica already, which holds what its primary does."""
    target = context.target
    try:
        info = await target.info("replication")
    except CONTROL_ERRORS as error:
        raise MigrationError(f"{target} could not be looked at: {error}.") from None
    if info.get("role") != "slave":
        return False
    context.warnings.append(
        f"{target} is a replica of {info.get('master_host')}:{info.get('master_port')} already: the tool must promote "
        "it, and whatever it held before is taken to come from there."
    )
    return True


async def _run(context: Context) -> None:
    await context.phase(Phase.SYNC)
    options = context.options
    async with contextlib.AsyncExitStack() as stack:
        async with context.step("run the tool") as step:
            process = await stack.enter_async_context(_tool(context, options.command or ""))
            if options.ready_command is None and options.ready_after is None:
                await _until_ended(context, process)
                step.detail = "it ended with exit code 0"
            else:
                await _until_ready(context, process, step)
        await _see_that_target_takes_writes(context)
        await cut_over(context, catch_up=partial(_settle, options.settle) if options.settle else None)


async def _settle(seconds: float, until_seconds: float) -> None:
    await asyncio.sleep(max(0.0, min(seconds, until_seconds - monotonic())))


async def _until_ended(context: Context, process: asyncio.subprocess.Process) -> None:
    context.progress = "the tool runs; the cutover comes when it ends"
    code = await process.wait()
    if code != 0:
        raise MigrationError(_failure(context, "The tool", code))


def _failure(context: Context, who: str, code: int) -> str:
    said = tail(context.directory / LOG_NAME)
    return f"{who} ended with exit code {code}. " + (
        f"It said: {said} (all of it is in {LOG_NAME})." if said else "It said nothing."
    )


async def _until_ready(context: Context, process: asyncio.subprocess.Process, step: Step) -> None:
    options, began = context.options, monotonic()
    while True:
        if process.returncode is not None and process.returncode != 0:
            raise MigrationError(_failure(context, "The tool", process.returncode))
        waited = monotonic() - began
        if options.ready_after is not None and waited < options.ready_after:
            context.progress = f"ready in {options.ready_after - waited:.0f} s"
        elif options.ready_command is None or await _is_ready(context, options.ready_command):
            step.detail = f"ready after {waited:.1f} s"
            return
        elif process.returncode is not None:
            raise MigrationError(
                "The tool has ended, and --ready-command does not say that it is ready. "
                + _failure(context, "The tool", 0)
            )
        else:
            context.progress = "the tool runs; it is not ready yet"
        await asyncio.sleep(_POLL_SECONDS)


async def _is_ready(context: Context, command: str) -> bool:
    async with _tool(context, command) as asking:
        try:
            async with asyncio.timeout(_READY_TIMEOUT_SECONDS):
                return await asking.wait() == 0
        except TimeoutError:
            return False


async def _see_that_target_takes_writes(context: Context) -> None:
    target = context.target
    try:
        info = await target.info("replication")
        if info.get("role") != "slave":
            return
        read_only = (await target.client.config_get("replica-read-only")).get("replica-read-only") != "no"
    except CONTROL_ERRORS as error:
        context.warnings.append(f"Whether {target} takes writes could not be seen: {error}.")
        return
    if read_only:
        raise MigrationError(
            f"{target} is a read-only replica, so that the application cannot write to it; the tool must promote it "
            "before it says that it is ready."
        )
    context.warnings.append(
        f"{target} is a writable replica of {info.get('master_host')}:{info.get('master_port')}: a new full "
        "synchronisation would erase what the application writes. Promote it."
    )


EXTERNAL = Strategy(
    name="external",
    summary="your command does the copying, this tool switches",
    goes_wrong="whatever that tool gets wrong; what is written after it has copied is lost unless it goes on following",
    check=_check,
    run=_run,
)
