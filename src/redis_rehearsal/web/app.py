"""The HTTP application of a run."""

import os
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from redis_rehearsal import __version__
from redis_rehearsal.report.document import ledger_document, make_document
from redis_rehearsal.report.view import RunView, Stage
from redis_rehearsal.web.metrics import render


def _json(content: Any, status_code: int = 200) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_INDENT_2), status_code, media_type="application/json")


def health_document(view: RunView) -> tuple[dict[str, Any], bool]:
    """The state of a run and its servers, and whether all that it needs is there."""
    missing = view.health.missing
    healthy = view.stage in (Stage.RUNNING, Stage.FINISHING) and not missing
    addresses = view.servers.addresses if view.servers else {}
    return {
        "status": "ok" if healthy else f"{' and '.join(missing)} away" if missing else str(view.stage),
        "application": "redis-rehearsal",
        "version": __version__,
        "stage": str(view.stage),
        "pid": os.getpid(),
        "run_directory": str(view.directory.resolve()) if view.directory else None,
        "servers": {
            role: {
                "status": "away" if server.error else "ok",
                "needed": server.needed,
                "address": addresses.get(role),
                "error": server.error or None,
            }
            for role, server in view.health.servers.items()
        },
    }, healthy


def make_app(view: RunView) -> Starlette:
    """The application over a run."""

    async def health(request: Request) -> Response:
        document, healthy = health_document(view)
        return _json(document, 200 if healthy else 503)

    async def metrics(request: Request) -> Response:
        return Response(render(view), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def stats(request: Request) -> Response:
        return _json(make_document(view))

    async def ledger(request: Request) -> Response:
        return _json(ledger_document(await view.audit_now()))

    async def index(request: Request) -> Response:
        return _json({"application": "redis-rehearsal", "paths": ["/health", "/metrics", "/stats", "/ledger"]})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/stats", stats),
            Route("/ledger", ledger),
        ]
    )
