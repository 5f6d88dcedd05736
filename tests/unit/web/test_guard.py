import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.web.calling import Caller

TOKEN = "geheimnis-1"
CHANGES = [
    ("PATCH", "/control", {"events_per_second": 5}),
    ("POST", "/api/switch", {"to": "target"}),
    ("POST", "/api/migrations", {"strategy": "cold"}),
    ("POST", "/api/migrations/current/rollback", None),
]
READS = ["/control", "/api/migrations", "/api/status", "/api/timeline", "/health", "/openapi.json"]
change = pytest.mark.parametrize(("method", "path", "body"), CHANGES)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@change
def test_without_a_token_only_this_machine_may(method: str, path: str, body: object) -> None:
    for peer in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "localhost", None):
        answer = Caller().call(method, path, body, peer=peer)
        assert answer.status == 403
        assert "CONTROL_TOKEN" in answer.error
    for peer in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert Caller().call(method, path, body, peer=peer).status in (200, 202, 409)


@change
def test_a_token_lets_in_from_anywhere_and_nobody_else(method: str, path: str, body: object) -> None:
    for peer in ("127.0.0.1", "192.0.2.1"):
        caller = Caller(token=TOKEN)
        answer = caller.call(method, path, body, peer=peer, host="rehearsal.example")
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "CONTROL_TOKEN" in answer.error
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
    answer = Caller(token=TOKEN).call("PATCH", "/control", {}, headers={"authorization": given})
    assert answer.status == 401
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert "nis-" not in answer.error


def test_the_scheme_may_be_written_in_any_case() -> None:
    answer = Caller(token=TOKEN).call("PATCH", "/control", {}, headers={"authorization": f"bearer {TOKEN}"})
    assert answer.status == 200


def test_tokens_are_compared_in_constant_time_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    original = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    Caller(token=TOKEN).call("PATCH", "/control", {}, headers=bearer("gehëim"))
    assert compared == [("gehëim".encode("latin-1"), TOKEN.encode())]


@change
@pytest.mark.parametrize("token", [None, TOKEN])
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
def test_pages_of_other_origins_may_not(method: str, path: str, body: object, token: str | None, origin: str) -> None:
    headers = {"origin": origin} | (bearer(token) if token else {})
    answer = Caller(token=token).call(method, path, body, headers=headers)
    assert answer.status == 403
    assert "origin" in answer.error


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://localhost:3000", "http://LOCALHOST:3000"])
def test_our_own_pages_may(origin: str) -> None:
    assert Caller().call("PATCH", "/control", {}, headers={"origin": origin}).status == 200


def test_an_origin_without_a_host_is_foreign() -> None:
    assert Caller(token=TOKEN).call("PATCH", "/control", {}, host=None, headers={"origin": "http://"}).status == 403


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
def test_a_name_that_only_points_here_may_not(host: str | None) -> None:
    caller = Caller()
    answer = caller.call("PATCH", "/control", {}, host=host)
    assert answer.status == 403
    assert "localhost" in answer.error
    # Its owner's page has the origin that its Host header names.
    assert caller.call("PATCH", "/control", {}, host=host, headers={"origin": f"http://{host}"}).status == 403


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000", "[::1]"])
def test_the_names_of_this_machine_may(host: str) -> None:
    assert Caller().call("PATCH", "/control", {}, host=host).status == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "forwarded", "via", "x-real-ip"])
def test_a_proxy_may_only_with_a_token(header: str) -> None:
    headers = {header.lower(): "for=192.0.2.1"}
    assert Caller().call("PATCH", "/control", {}, headers=headers).status == 403
    assert Caller(token=TOKEN).call("PATCH", "/control", {}, headers=headers | bearer(TOKEN)).status == 200


LATIN = st.text(st.characters(codec="latin-1"), max_size=20)


@given(st.fixed_dictionaries({}, optional={"origin": LATIN, "authorization": LATIN, "via": LATIN}), st.none() | LATIN)
def test_no_headers_get_past_or_break_it(headers: dict[str, str], host: str | None) -> None:
    assert Caller(token=TOKEN).call("PATCH", "/control", {}, headers=headers, host=host).status in (401, 403)
    assert Caller().call("PATCH", "/control", {}, headers=headers, host=host, peer="192.0.2.1").status == 403


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_reads_are_open(path: str, token: str | None) -> None:
    headers = {"origin": "https://evil.example"}
    answer = Caller(token=token).call("GET", path, peer="192.0.2.1", host="a.example", headers=headers)
    assert answer.status in ((200,) if path != "/health" else (200, 503))


def test_the_body_of_who_may_not_is_not_read() -> None:
    answer = Caller(token=TOKEN).call("POST", "/api/switch", parts=[b"{}"])
    assert (answer.status, answer.parts_read) == (401, 0)
