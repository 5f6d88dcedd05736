"""The HTTP application of a run."""

import asyncio
import os
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from redis_rehearsal import __version__
from redis_rehearsal.migration.run_controls import RunControls
from redis_rehearsal.report.document import ledger_document, make_document
from redis_rehearsal.report.html import render_html
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.view.run_view import RunView, Stage
from redis_rehearsal.web import api
from redis_rehearsal.web.answers import HANDLERS, answer
from redis_rehearsal.web.guard import Guard
from redis_rehearsal.web.metrics import render
from redis_rehearsal.web.openapi import openapi_document
from redis_rehearsal.web.page.routes import make_routes, page
from redis_rehearsal.web.page.saved import SavedRun
from redis_rehearsal.web.page.shown import LiveRun
from redis_rehearsal.web.rows import answer_rows
from redis_rehearsal.web.turns import InTurn


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


def make_app(view: RunView, controls: RunControls | None, token: str) -> Starlette:
    """The application over a run.

    Args:
        view: what there is to see of it.
        controls: what can be done to it; without any, the control API answers with 503.
        token: of the run; see `Guard`.
    """

    async def health(request: Request) -> Response:
        document, healthy = health_document(view)
        return answer(document, 200 if healthy else 503)

    async def metrics(request: Request) -> Response:
        return Response(render(view), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def stats(request: Request) -> Response:
        return answer(make_document(view))

    async def report(request: Request) -> Response:
        # What is seen is of one moment; what is made of it is too large for the loop, which has workers to listen to.
        run = RunData.of(view)
        text = await asyncio.to_thread(render_html, run.document, run.rows, run.percentiles)
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    async def ledger(request: Request) -> Response:
        return answer(ledger_document(await view.audit_now()))

    async def openapi(request: Request) -> Response:
        return answer(openapi_document())

    async def index(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return page()
        paths = [route.path for route in routes if route.path != "/"]
        return answer({"application": "redis-rehearsal", "paths": paths})

    routes = [
        Route("/", index),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/stats", stats),
        Route("/ledger", ledger),
        Route("/report.html", report),
        *api.make_routes(controls),
        *make_routes(LiveRun(view, controls)),
        Route("/openapi.json", openapi),
    ]
    app = Starlette(
        routes=routes, exception_handlers=HANDLERS, middleware=[Middleware(InTurn), Middleware(Guard, token=token)]
    )
    app.router.redirect_slashes = False  # who calls a wrong path is told so
    return app


def make_saved_app(run: RunData, token: str) -> Starlette:
    """The application over a run that was saved: its page, its document and its report; nothing can be changed.

    Args:
        run: what its directory holds.
        token: see `Guard`.
    """
    shown = SavedRun(run)

    async def index(request: Request) -> Response:
        return page()

    async def stats(request: Request) -> Response:
        return answer(run.document)

    async def timeline(request: Request) -> Response:
        return answer_rows(shown.rows_after(-1))

    async def report(request: Request) -> Response:
        return HTMLResponse(render_html(run.document, run.rows, run.percentiles))

    routes = [
        Route("/", index),
        Route("/stats", stats),
        Route("/api/timeline", timeline),
        Route("/report.html", report),
        *make_routes(shown),
    ]
    return Starlette(
        routes=routes, exception_handlers=HANDLERS, middleware=[Middleware(InTurn), Middleware(Guard, token=token)]
    )
