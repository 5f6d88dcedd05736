import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from redis_rehearsal.web.guard import Guard, make_token
from tests.controls import LOAD
from tests.unit.web.calling import Caller

TOKEN = "geheimnis-1"
CHANGES = [
    ("PATCH", "/control", {"events_per_second": 5}),
    ("POST", "/api/switch", {"to": "target"}),
    ("POST", "/api/migrations", {"strategy": "cold"}),
    ("POST", "/api/migrations/current/rollback", None),
    ("POST", "/api/migrations/current/return", None),
]
change = pytest.mark.parametrize(("method", "path", "body"), CHANGES)


def stranger() -> Caller:
    """Calls a run whose token is TOKEN, and does not say it."""
    return Caller(token=TOKEN, stranger=True)


def may_read(
    path: str,
    *,
    host: str | None = "localhost:3000",
    peer: str | None = "127.0.0.1",
    headers: dict[str, str] | None = None,
) -> bool:
    """Whether a call gets through, wherever it leads."""
    reached = []

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await Response()(scope, receive, send)

    answer = Caller(app=Guard(behind, TOKEN), stranger=True).call("GET", path, host=host, peer=peer, headers=headers)
    assert (answer.status == 200) == bool(reached)
    assert answer.status in (200, 401)
    return bool(reached)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@change
def test_nobody_changes_anything_without_the_token(method: str, path: str, body: object) -> None:
    for peer in ("127.0.0.1", "::1", "192.0.2.1", None):
        caller = stranger()
        answer = caller.call(method, path, body, peer=peer)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "CONTROL_TOKEN" in answer.error
        controls = caller.controls
        assert (controls.asked, controls.switches, controls.documents, controls.resets) == (LOAD, [], [], 0)
        right = caller.call(method, path, body, peer=peer, host="rehearsal.example", headers=bearer(TOKEN))
        assert right.status in (200, 202, 409)


@pytest.mark.parametrize(
    "given",
    [
        "Bearer",
        "Bearer ",
        "Bearer geheimnis-2",
        "Bearer geheimnis-",
        "Bearer geheimnis-11",
        "Bearer geheimnis-1 x",
        "Bearer gehëimnis-1",
        "Basic geheimnis-1",
        "geheimnis-1",
    ],
)
def test_a_wrong_token_is_refused_and_not_shown(given: str) -> None:
    answer = stranger().call("PATCH", "/control", {}, headers={"authorization": given})
    assert answer.status == 401
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert "nis-" not in answer.error


def test_the_scheme_may_be_written_in_any_case() -> None:
    answer = stranger().call("PATCH", "/control", {}, headers={"authorization": f"bearer {TOKEN}"})
    assert answer.status == 200


def test_tokens_are_compared_in_constant_time_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    original = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    stranger().call("PATCH", "/control", {}, headers=bearer("gehëim"))
    assert compared == [("gehëim".encode("latin-1"), TOKEN.encode())]


@change
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:3001",
        "http://localhost",
        "ftp://localhost:3000",
        "http://localhost:3000.evil.example",
        "http://localhost:3000/",
        "",
    ],
)
def test_pages_of_other_origins_may_not(method: str, path: str, body: object, origin: str) -> None:
    answer = stranger().call(method, path, body, headers={"origin": origin} | bearer(TOKEN))
    assert answer.status == 403
    assert "origin" in answer.error


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://localhost:3000", "http://LOCALHOST:3000"])
def test_our_own_pages_may(origin: str) -> None:
    headers = {"origin": origin} | bearer(TOKEN)
    assert stranger().call("PATCH", "/control", {}, headers=headers).status == 200


def test_an_origin_without_a_host_is_foreign() -> None:
    headers = {"origin": "http://"} | bearer(TOKEN)
    assert stranger().call("PATCH", "/control", {}, host=None, headers=headers).status == 403


READS = ["/control", "/api/migrations", "/api/status", "/api/timeline", "/stats", "/ledger", "/openapi.json"]
READS += ["/report.html", "/api/events", "/nothing"]
read = pytest.mark.parametrize("path", READS)


@read
@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000", "[::1]"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_reads_without_a_token(path: str, host: str, peer: str) -> None:
    assert may_read(path, host=host, peer=peer)


@read
def test_others_read_with_the_token_only(path: str) -> None:
    for peer in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "localhost", None):
        assert not may_read(path, peer=peer)
        assert not may_read(path, peer=peer, headers=bearer("geheimnis-2"))
        assert may_read(path, peer=peer, host="a.example", headers=bearer(TOKEN))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0:3000",
        "192.0.2.1:3000",
        "[2001:db8::1]:3000",
        "localhost@evil.example",
        "localhost:port",
        "[localhost]",
        "::1",
        "",
        None,
    ],
)
def test_a_name_that_only_points_here_is_elsewhere(host: str | None) -> None:
    assert not may_read("/stats", host=host)
    assert may_read("/stats", host=host, headers=bearer(TOKEN))


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "forwarded", "via", "x-real-ip"),
        *(
            "CF-Connecting-IP",
            "CF-Ray",
            "True-Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "X-Envoy-External-Address",
        ),
    ],
)
def test_who_comes_by_a_proxy_is_elsewhere(header: str) -> None:
    headers = {header.lower(): "for=192.0.2.1"}
    assert not may_read("/stats", headers=headers)
    assert may_read("/stats", headers=headers | bearer(TOKEN))


LATIN = st.text(st.characters(codec="latin-1"), max_size=20)


@given(st.fixed_dictionaries({}, optional={"origin": LATIN, "authorization": LATIN, "via": LATIN}), st.none() | LATIN)
def test_no_headers_get_past_or_break_it(headers: dict[str, str], host: str | None) -> None:
    assert stranger().call("PATCH", "/control", {}, headers=headers, host=host).status in (
        401,
        403,
    )
    assert not may_read("/stats", headers=headers, host=host, peer="192.0.2.1")


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/page/page.js", "/page/nothing"])
def test_probes_metrics_and_the_files_of_the_page_are_for_everybody(path: str) -> None:
    headers = {"origin": "https://evil.example", "x-forwarded-for": "192.0.2.1"}
    assert may_read(path, peer="192.0.2.1", host="app:3000", headers=headers)
    # And for reading only.
    assert stranger().call("POST", path, {}, peer="192.0.2.1").status == 405


@pytest.mark.parametrize(
    "path", ["/page", "//page/page.js", "/Health", "/health/", "/metrics/../stats", "/page%2fpage.js"]
)
def test_what_only_looks_open_is_not(path: str) -> None:
    assert not may_read(path, peer="192.0.2.1")


def test_the_body_of_who_may_not_is_not_read() -> None:
    answer = stranger().call("POST", "/api/switch", parts=[b"{}"])
    assert (answer.status, answer.parts_read) == (401, 0)


def test_each_token_is_another_one_and_long_enough() -> None:
    made = {make_token() for _ in range(100)}
    assert len(made) == 100
    # 192 bits, in characters that a link holds as they are.
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in made)
