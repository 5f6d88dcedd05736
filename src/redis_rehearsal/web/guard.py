"""Who may see a run, and who may change what it does."""

import hmac
import re
import secrets
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from redis_rehearsal.web.answers import HANDLERS, RefusedError

_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::[0-9]{0,5})?")
_PROXY_HEADERS: Final = frozenset({"client-ip", "forwarded", "true-client-ip", "via"})
_PROXY_PREFIXES: Final = (
    "cf-",
    "fastly-",
    "x-client-",
    "x-cluster-",
    "x-envoy-",
    "x-forwarded-",
    "x-original-",
    "x-real-",
)
"""What proxies that are in use add, of which each calls the same things by other names."""
_OPEN: Final = frozenset({"/", "/health", "/metrics"})
_OPEN_FILES: Final = "/page/"
"""Probes and Prometheus have no token; the page must be there before it can be given one. They hold no secret."""
_READS: Final = frozenset({"GET", "HEAD"})


def make_token() -> str:
    """What who may change a run knows, made at random for one run."""
    return secrets.token_urlsafe(24)


class Guard:
    """An ASGI application to which only those come who may.

    Probes, metrics and the files of the page are for whoever reaches it. What reads is for this machine, and for who
    knows the token; what changes something, which is all that is no GET or HEAD, for who knows the token.

    Args:
        app: what is guarded.
        token: of the run.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Guard`; whom it refuses has an answer, and the body is not read."""
        if scope["type"] == "http":
            request = Request(scope)
            try:
                check(request, self._token)
            except RefusedError as error:
                await HANDLERS[RefusedError](request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check(request: Request, token: str) -> None:
    """See that a call may be made.

    Args:
        request: the call; its body is not read.
        token: of the run.

    Raises:
        RefusedError: 401 where the token is missing or wrong, 403 where a page of another origin wants to change
            something.
    """
    if is_open(request.scope["path"]):
        return
    if request.method in _READS:
        if not _is_from_here(request):
            _check_token(request.headers, token, "From elsewhere than this machine, by its own name, this needs")
        return
    _check_origin(request.headers)
    _check_token(request.headers, token, "This call needs")


def is_open(path: str) -> bool:
    """Whether it answers everybody."""
    return path in _OPEN or path.startswith(_OPEN_FILES)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name is none, an IPv6 address may have its brackets."""
    try:
        address = ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _is_from_here(request: Request) -> bool:
    """Whether this machine asks, for itself.

    Not so is a proxy on this machine that speaks for another one, and a page in a browser here that asks by a name of
    its own, which its owner lets point here (DNS rebinding).
    """
    if request.client is None or not is_loopback(request.client.host):
        return False
    if any(name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES) for name in request.headers):
        return False
    host = _AUTHORITY.fullmatch(request.headers.get("host", ""))
    return host is not None and (host[1].lower() == "localhost" or is_loopback(host[1]))


def _check_origin(headers: Headers) -> None:
    own = headers.get("host", "").lower()
    for origin in headers.getlist("origin"):
        if not own or origin.lower() not in (f"http://{own}", f"https://{own}"):
            raise RefusedError(403, "A page of another origin may not change the run.")


def _check_token(headers: Headers, token: str, needs: str) -> None:
    given = headers.get("authorization")
    if given is None:
        raise RefusedError(
            401,
            f"{needs} the run's CONTROL_TOKEN as Authorization: Bearer; redis-rehearsal status --link shows it.",
            {"WWW-Authenticate": 'Bearer realm="redis-rehearsal"'},
        )
    scheme, _, credentials = given.partition(" ")
    # How long the comparison takes must not tell how much of a guess was right; headers are Latin-1 here.
    right = hmac.compare_digest(credentials.strip().encode("latin-1"), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise RefusedError(
            401,
            "The token is not the run's CONTROL_TOKEN; redis-rehearsal status --link shows it.",
            {"WWW-Authenticate": 'Bearer realm="redis-rehearsal", error="invalid_token"'},
        )
