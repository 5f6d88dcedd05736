"""Answers over HTTP: JSON, also where something is wrong."""

from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from redis_rehearsal.errors import ConfigurationError, ConflictError, RehearsalError
from redis_rehearsal.report.encoding import encode

_SENTENCES: Final = {404: "There is nothing at {path}; / lists what there is.", 405: "{path} does not take {method}."}

_LONGEST_PATH: Final = 100
BUG: Final = "The run could not do this because of an error of its own; its log says more."


class RefusedError(Exception):
    """A call that is not done.

    Args:
        status: of HTTP.
        sentence: says why, without secrets.
        headers: of the answer.
        more: what stands beside the sentence.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None, **more: str | None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers
        self.more = more


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = encode(content, orjson.OPT_INDENT_2)
    return Response(body, status, headers, media_type="application/json")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 # as registered
    return answer({"error": error.sentence, **error.more}, error.status, error.headers)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 # as registered
    sentence = _SENTENCES.get(error.status_code, "{method} {path} was refused.")
    # What is asked for comes from outside: it may be long, and more than a line.
    path = "".join(filter(str.isprintable, request.scope["path"][:_LONGEST_PATH]))
    return answer(
        {"error": sentence.format(method=request.method, path=path)}, error.status_code, dict(error.headers or {})
    )


def _ours(request: Request, error: Exception) -> Response:
    status = 409 if isinstance(error, ConflictError) else 422 if isinstance(error, ConfigurationError) else 500
    return answer({"error": str(error)}, status)


def _bug(request: Request, error: Exception) -> Response:
    return answer({"error": BUG}, 500)


HANDLERS: Final[Any] = {RefusedError: _refused, HTTPException: _http, RehearsalError: _ours, Exception: _bug}
"""Makes an answer of each error."""
