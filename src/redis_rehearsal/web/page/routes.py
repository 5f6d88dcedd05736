"""What a browser is served: the page, its files, and its stream of events."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from redis_rehearsal.report.assets import bokeh_path
from redis_rehearsal.web.answers import answer
from redis_rehearsal.web.page.feed import MOST_VIEWERS, Feed
from redis_rehearsal.web.page.shown import Shown
from redis_rehearsal.web.page.stream import stream

SECURITY_HEADERS: Final = {
    # Everything comes from here; BokehJS sets styles of its own and makes pictures out of data.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# The files change with the version that serves them, so a browser asks each time whether they have.
_HEADERS: Final = {**SECURITY_HEADERS, "Cache-Control": "no-cache"}
_OWN: Final = Path(str(files("redis_rehearsal.web.page"))) / "static"
_SHARED: Final = Path(str(files("redis_rehearsal.report"))) / "assets"
MEDIA_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Of the page's files, by their suffix; what the system thinks of suffixes differs from machine to machine."""
_FILES: Final[dict[str, Path]] = {
    path.name: path
    for path in (*_OWN.iterdir(), *_SHARED.iterdir(), bokeh_path())
    if path.suffix in MEDIA_TYPES and path.is_file()
}


def page() -> Response:
    """The page itself."""
    return FileResponse(_OWN / "index.html", headers=_HEADERS)


def make_routes(shown: Shown) -> list[Route]:
    """The routes of a run's page, but for the page itself, which shares its path with the list of paths."""

    async def file(request: Request) -> Response:
        path = _FILES.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        response = FileResponse(path, headers=_HEADERS, media_type=MEDIA_TYPES[path.suffix], stat_result=path.stat())
        if response.headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={**_HEADERS, "ETag": response.headers["etag"]})
        return response

    feed = Feed(shown)

    async def events(request: Request) -> Response:
        if feed.viewers >= MOST_VIEWERS:
            return answer(
                {"error": f"{MOST_VIEWERS} look at this run already, and no more are served; close a page of it."}, 503
            )
        return StreamingResponse(
            stream(feed, request.headers.get("last-event-id", "")),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return [Route("/page/{name}", file), Route("/api/events", events)]
