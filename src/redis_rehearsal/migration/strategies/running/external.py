"""The user's own tool does the copying."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.clock import monotonic
from redis_rehearsal.embedded.process import SUPERVISOR
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.context import Context, Step
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.masking import Masker
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_used_target

_POLL_SECONDS: Final = 0.2
_READY_TIMEOUT_SECONDS: Final = 30.0
_KILL_SECONDS: Final = 12.0
"""Longer than the supervisor takes itself."""
_LAST_WORDS_SECONDS: Final = 1.0
_CHUNK_BYTES: Final = 65_536
_TAIL_LINES: Final = 5
LOG_NAME: Final = "external.log"


def environment(context: Context) -> dict[str, str]:
    """What a tool finds in its environment: ours but for CONTROL_TOKEN, and SOURCE_URL, TARGET_URL and their parts."""
    found = {name: value for name, value in os.environ.items() if name != "CONTROL_TOKEN"}
    found |= {"KEY_PREFIX": context.keys.prefix, "RUN_DIRECTORY": str(context.directory.resolve())}
    for name, server in (("SOURCE", context.source), ("TARGET", context.target)):
        endpoint = server.endpoint
        found |= {
            f"{name}_URL": endpoint.url,
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


class _Tool:
    """The user's tool, under a supervisor that ends all that comes of it, also where we are killed."""

    def __init__(self, supervisor: asyncio.subprocess.Process, ended: "asyncio.Future[int]", copying: Any) -> None:
        self._supervisor = supervisor
        self._ended = ended
        self._copying: asyncio.Task[None] = copying

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it goes on."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        code = await asyncio.shield(self._ended)
        # What it said last may be on its way; what comes of it may go on and say more.
        await asyncio.wait({self._copying}, timeout=_LAST_WORDS_SECONDS)
        return code

    async def end(self) -> None:
        """End it, and all that came of it."""
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS):
                await self._supervisor.wait()
        with contextlib.suppress(ProcessLookupError):
            self._supervisor.kill()
        await asyncio.wait({self._copying}, timeout=_LAST_WORDS_SECONDS)
        self._copying.cancel()
        await asyncio.wait({self._copying})


@contextlib.asynccontextmanager
async def _tool(context: Context, command: str) -> AsyncIterator[_Tool]:
    status, telling = os.pipe()
    try:
        supervisor = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(SUPERVISOR), str(telling), "/bin/sh", "-c", command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(context),
            pass_fds=(telling,),
            start_new_session=True,
        )
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(telling)
    ended = asyncio.ensure_future(_told(status))
    copying = asyncio.create_task(_copy_output(supervisor.stdout, context.directory / LOG_NAME, _masker(context)))
    tool = _Tool(supervisor, ended, copying)
    try:
        yield tool
    finally:
        await tool.end()
        ended.cancel()
        await asyncio.wait({ended})


async def _told(status: int) -> int:
    """The exit code that the supervisor writes; that of a killed process, where it was killed itself."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(status, "rb", 0)
    )
    try:
        text = await reader.read()
        return int(text) if text else 128 + signal.SIGKILL
    finally:
        transport.close()


async def _copy_output(stream: asyncio.StreamReader | None, path: Path, masker: Masker) -> None:
    assert stream is not None  # noqa: S101 # as it was asked for
    with path.open("ab", buffering=0) as log:
        while data := await stream.read(_CHUNK_BYTES):
            log.write(masker.feed(data))
        log.write(masker.end())


def _masker(context: Context) -> Masker:
    """Takes the passwords of all servers of the run out of what a tool says."""
    secrets = {server.endpoint.password for server in (context.source, context.target)}
    for name in ("REDIS_URL", "TARGET_REDIS_URL", "DATABASE_URL"):
        with contextlib.suppress(ValueError):
            secrets.add(unquote(urlsplit(os.environ.get(name, "")).password or ""))
    return Masker(secrets)


async def check(context: Context) -> None:
    """See `Running`."""
    if not await _follows(context):
        await refuse_used_target(context)
    if context.options.freeze == "server":
        context.require_server_wide(context.source)


async def _follows(context: Context) -> bool:
    """Whether the target is a replica already, which holds what its primary does."""
    target = context.target
    try:
        info = await target.info("replication")
    except CLIENT_ERRORS as error:
        raise MigrationError(f"{target} could not be looked at: {error}.") from None
    if info.get("role") != "slave":
        return False
    context.warnings.append(
        f"{target} is a replica of {info.get('master_host')}:{info.get('master_port')} already: the tool must promote "
        "it, and whatever it held before is taken to come from there."
    )
    return True


async def run(context: Context) -> None:
    """See `Running`."""
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


async def _until_ended(context: Context, process: _Tool) -> None:
    context.progress = "the tool runs; the cutover comes when it ends"
    code = await process.wait()
    if code != 0:
        raise MigrationError(_failure(context, "The tool", code))


def _failure(context: Context, who: str, code: int) -> str:
    said = tail(context.directory / LOG_NAME)
    return f"{who} ended with exit code {code}. " + (
        f"It said: {said} (all of it is in {LOG_NAME})." if said else "It said nothing."
    )


async def _until_ready(context: Context, process: _Tool, step: Step) -> None:
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
                + _failure(context, "The tool", process.returncode)
            )
        else:
            context.progress = "the tool runs; it is not ready yet"
        await asyncio.sleep(_POLL_SECONDS)


async def _is_ready(context: Context, command: str) -> bool:
    # Without a supervisor, whose start costs more than most questions: it is asked five times a second.
    asking = await asyncio.create_subprocess_shell(
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(context),
        start_new_session=True,  # so that its children can be ended with it
    )
    copying = asyncio.create_task(_copy_output(asking.stdout, context.directory / LOG_NAME, _masker(context)))
    try:
        async with asyncio.timeout(_READY_TIMEOUT_SECONDS):
            return await asking.wait() == 0
    except TimeoutError:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(asking.pid, signal.SIGKILL)
        await asking.wait()
        await asyncio.wait({copying}, timeout=_LAST_WORDS_SECONDS)
        copying.cancel()


async def _see_that_target_takes_writes(context: Context) -> None:
    target = context.target
    try:
        info = await target.info("replication")
        if info.get("role") != "slave":
            return
        read_only = (await target.client.config_get("replica-read-only")).get("replica-read-only") != "no"
    except CLIENT_ERRORS as error:
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
