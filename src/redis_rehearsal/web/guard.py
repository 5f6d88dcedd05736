"""Who may change what a run does."""

import hmac
import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from redis_rehearsal.web.answers import RefusedError

_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::[0-9]{0,5})?")
_PROXY_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def check(request: Request, token: str | None) -> None:
    """See that a call that changes something may do so.

    With a token, who knows it may, from anywhere. Without one only this machine may: not another host, not a proxy
    on this machine that speaks for one, and not a page in a browser here, whether by its own name or by one that
    its owner lets point here (DNS rebinding).

    Args:
        request: the call; its body is not read.
        token: CONTROL_TOKEN, or None where there is none.

    Raises:
        RefusedError: 401 where the token is missing or wrong, 403 where the call comes from the wrong place.
    """
    _check_origin(request.headers)
    if token is not None:
        _check_token(request.headers, token)
        return
    if request.client is None or not _is_loopback(request.client.host):
        raise RefusedError(403, "Only this machine may change the run; with CONTROL_TOKEN set, others may too.")
    if any(name in request.headers for name in _PROXY_HEADERS):
        raise RefusedError(403, "Through a proxy the run may be changed only where CONTROL_TOKEN is set.")
    host = _AUTHORITY.fullmatch(request.headers.get("host", ""))
    if host is None or not (host[1].lower() == "localhost" or _is_loopback(host[1])):
        raise RefusedError(403, "The Host header does not name this machine; call localhost, 127.0.0.1 or [::1].")


def _check_origin(headers: Headers) -> None:
    own = headers.get("host", "").lower()
    for origin in headers.getlist("origin"):
        if not own or origin.lower() not in (f"http://{own}", f"https://{own}"):
            raise RefusedError(403, "A page of another origin may not change the run.")


def _check_token(headers: Headers, token: str) -> None:
    given = headers.get("authorization")
    if given is None:
        raise RefusedError(
            401,
            "This call needs the run's CONTROL_TOKEN, as Authorization: Bearer.",
            {"WWW-Authenticate": 'Bearer realm="redis-rehearsal"'},
        )
    scheme, _, credentials = given.partition(" ")
    # How long the comparison takes must not tell how much of a guess was right; headers are Latin-1 here.
    right = hmac.compare_digest(credentials.strip().encode("latin-1"), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise RefusedError(
            401,
            "The token is not the run's CONTROL_TOKEN.",
            {"WWW-Authenticate": 'Bearer realm="redis-rehearsal", error="invalid_token"'},
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
