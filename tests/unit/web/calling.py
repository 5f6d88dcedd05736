"""Calls of an ASGI application without a socket."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from redis_rehearsal.web.app import make_app
from tests.controls import MemoryRunControls
from tests.unit.report.made import view

TOKEN = "of-the-tests"
JSON = {"content-type": "application/json"}


@dataclass
class Answer:
    """What came back, and how many parts of the body were read for it."""

    status: int
    headers: dict[str, str]
    text: str
    parts_read: int

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.text)

    @property
    def error(self) -> str:
        sentence: str = self.json["error"]
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return sentence


class Caller:
    """Calls the application of a run whose controls are in memory; as one who knows its token, or as a stranger."""

    def __init__(
        self,
        controls: MemoryRunControls | None = None,
        token: str = TOKEN,
        *,
        bare: bool = False,
        stranger: bool = False,
        app: ASGIApp | None = None,
    ) -> None:
        self.controls = controls or MemoryRunControls()
        self._known = {} if stranger else {"authorization": f"Bearer {token}"}
        self.app = app or make_app(view(), None if bare else self.controls, token)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        host: str | None = "localhost:3000",
        peer: str | None = "127.0.0.1",
        parts: Iterable[bytes] | None = None,
    ) -> Answer:
        """One call; `parts` is the raw body, else it is `body` as JSON."""
        given = self._known | (headers or {})
        if host is not None:
            given["host"] = host
        if body is not None:
            given = {**JSON, **given}
        raw = list(parts) if parts is not None else [json.dumps(body).encode()] if body is not None else [b""]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
            "client": (peer, 50_000) if peer else None,
            "server": ("127.0.0.1", 3000),
            "scheme": "http",
            "http_version": "1.1",
        }
        return asyncio.run(self._call(scope, raw))

    async def _call(self, scope: dict[str, Any], raw: list[bytes]) -> Answer:
        sent: list[Any] = []
        read = 0
        answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            nonlocal read
            if read == len(raw):
                if raw:
                    # It stays until all was answered, which of events is never.
                    await answered.wait()
                return {"type": "http.disconnect"}
            read += 1
            return {"type": "http.request", "body": raw[read - 1], "more_body": read < len(raw)}

        async def send(message: Any) -> None:
            sent.append(message)
            endless = any(b"event-stream" in value for _, value in sent[0]["headers"])
            if len(sent) > 1 and (endless or not message.get("more_body")):
                answered.set()

        await self.app(scope, receive, send)
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(part.get("body", b"") for part in sent[1:]).decode()
        return Answer(sent[0]["status"], head, text, read)
