"""The control API: what can be seen and changed of a run over HTTP. docs/control-api.md is for its users."""

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from redis_rehearsal.document.base import Part
from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.status import Load, MigrationSoFar, RunStatus
from redis_rehearsal.errors import ConfigurationError, ConflictError, RehearsalError
from redis_rehearsal.migration.explain import as_field, explain, wrong_field
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, SwitchOptions
from redis_rehearsal.migration.run_controls import RunControls
from redis_rehearsal.web.answers import BUG, RefusedError, answer
from redis_rehearsal.web.rows import answer_rows

_log = structlog.get_logger()
MAX_BODY_BYTES: Final = 64 * 1024

Handler = Callable[[RunControls, Any], Awaitable[Any]]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API.

    Attributes:
        method: of HTTP; all but GET change something.
        path: of the URL.
        summary: what it does, a sentence.
        do: does it, with the body as a model, or None where the call has no body.
        body: what the body must be, if the call has one.
        told: what the answer is; None where it has no model.
        status: of the answer where all is well.
        many: whether the answer is an array of documents and not one.
        conflicts: whether it cannot be done in each state of a run.
    """

    method: str
    path: str
    summary: str
    do: Handler
    told: type[Part] | None
    body: type[BaseModel] | None = None
    status: int = 200
    many: bool = False
    conflicts: bool = False

    @property
    def changes(self) -> bool:
        """Whether it changes something, so that not everybody may."""
        return self.method != "GET"


async def _control(controls: RunControls, _: None) -> Any:
    return controls.load()


async def _change(controls: RunControls, change: LoadChange) -> Any:
    return await controls.change(change)


async def _switch(controls: RunControls, options: SwitchOptions) -> Any:
    try:
        return await controls.switch(options)
    except ConfigurationError as error:
        if _shows_secret(str(error), options.to):
            words = "cannot be done now" if isinstance(error, ConflictError) else "names a server that will not do"
            raise type(error)(f"The switch to the URL given {words}.") from None
        raise


def _shows_secret(sentence: str, url: str) -> bool:
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return any(part and part in sentence for part in (password, unquote(password)))


async def _start(controls: RunControls, options: MigrationOptions) -> Any:
    return await controls.start_migration(options)


async def _migrations(controls: RunControls, _: None) -> Any:
    return controls.migrations()


async def _rollback(controls: RunControls, _: None) -> Any:
    return await controls.rollback()


async def _return(controls: RunControls, _: None) -> Any:
    return controls.go_back()


async def _reset(controls: RunControls, _: None) -> Any:
    return controls.reset()


async def _status(controls: RunControls, _: None) -> Any:
    return controls.status()


async def _timeline(controls: RunControls, _: None) -> Any:
    return answer_rows(controls.timeline())


CALLS: Final = (
    Call("GET", "/control", "The load as it is asked for now.", _control, Load),
    Call("PATCH", "/control", "Change the load; what is not given stays.", _change, Load, LoadChange, conflicts=True),
    Call(
        "POST",
        "/api/switch",
        "Point the application to another server; answers with the status once that is done.",
        _switch,
        RunStatus,
        SwitchOptions,
        conflicts=True,
    ),
    Call(
        "POST",
        "/api/migrations",
        "Begin a migration; answers at once with its document.",
        _start,
        Migration,
        MigrationOptions,
        202,
        conflicts=True,
    ),
    Call(
        "GET",
        "/api/migrations",
        "All migrations of this run with their phases so far, oldest first.",
        _migrations,
        MigrationSoFar,
        many=True,
    ),
    Call(
        "POST",
        "/api/migrations/current/rollback",
        "End the migration that is going on and return to the source; answers once it has ended, with its document.",
        _rollback,
        Migration,
        conflicts=True,
    ),
    Call(
        "POST",
        "/api/migrations/current/return",
        "End the observation and go back to the source with what was written meanwhile; answers at once with the "
        "migration's document.",
        _return,
        Migration,
        status=202,
        conflicts=True,
    ),
    Call(
        "POST",
        "/api/reset",
        "End this run, its report included, and begin another one from a fresh state; answers at once with the status.",
        _reset,
        RunStatus,
        status=202,
        conflicts=True,
    ),
    Call("GET", "/api/status", "What runs, where reads and writes go, and what migrates.", _status, RunStatus),
    Call("GET", "/api/timeline", "One row for each second since the load began.", _timeline, None, many=True),
)


def make_routes(controls: RunControls | None) -> list[Route]:
    """The routes of the API.

    Args:
        controls: what can be done to the run; without any, each call is answered with 503.
    """
    by_path: dict[str, dict[str, Call]] = {}
    for call in CALLS:
        by_path.setdefault(call.path, {})[call.method] = call
    # One route a path, since the first one alone would say which methods the path takes.
    return [Route(path, _endpoint(calls, controls), methods=calls.keys()) for path, calls in by_path.items()]


def _endpoint(calls: dict[str, Call], controls: RunControls | None) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        call = calls["GET" if request.method == "HEAD" else request.method]
        if controls is None:
            raise RefusedError(503, "This run cannot be controlled.")
        body = await read(request, call.body) if call.body else None
        try:
            found = await call.do(controls, body)
            return found if isinstance(found, Response) else answer(found, call.status)
        except RehearsalError:
            raise
        except Exception as error:  # noqa: BLE001 # a bug, whose text may hold the URL of a switch: the log gets the place
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                f"{call.method} {call.path} failed: an error in the tool itself",
                kind=type(error).__name__,
                place=f"{place.filename}:{place.lineno}",
            )
            raise RefusedError(500, BUG) from None

    return endpoint


async def read(request: Request, model: type[BaseModel]) -> BaseModel:
    """A call's body.

    Args:
        request: whose body it is.
        model: what it must be.

    Raises:
        RefusedError: 415, 413, 400 or 422, with the field that is wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "The body must be JSON, with Content-Type: application/json.")
    raw = await _read_bytes(request)
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:  # its text may hold a part of the body
        raise RefusedError(400, "The body is not JSON.") from None
    if not isinstance(content, dict):
        raise RefusedError(422, "The body must be a JSON object.", field=None)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise RefusedError(422, explain(error, model, as_field), field=_field(error, model)) from None


def _field(error: ValidationError, model: type[BaseModel]) -> str | None:
    first = error.errors(include_url=False)[0]
    if first["type"] == "extra_forbidden":
        # An unknown name is shown only where it cannot be anything else.
        name = str(first["loc"][0])
        return name if name.isidentifier() and len(name) <= 64 else None
    return wrong_field(error, model)


async def _read_bytes(request: Request) -> bytes:
    chunks: list[bytes] = []
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isascii() and declared.isdigit() else 0
    try:
        if size <= MAX_BODY_BYTES:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    break
                chunks.append(chunk)
    except ClientDisconnect:
        raise RefusedError(400, "The body has no end.") from None
    if size > MAX_BODY_BYTES:
        # The rest is not read, so the connection is of no more use.
        sentence = f"The body has more than {MAX_BODY_BYTES // 1024} KiB."
        raise RefusedError(413, sentence, {"Connection": "close"})
    return b"".join(chunks)
