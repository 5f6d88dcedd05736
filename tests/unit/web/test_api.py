import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.control_api_page import control_api_page

from redis_rehearsal.document.base import as_json
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, SwitchOptions
from redis_rehearsal.web.api import CALLS, MAX_BODY_BYTES
from tests.controls import LOAD, MemoryRunControls
from tests.unit.web.calling import JSON, Caller

BODIES = [("PATCH", "/control"), ("POST", "/api/switch"), ("POST", "/api/migrations")]
bodies = pytest.mark.parametrize(("method", "path"), BODIES)
SECRET_URL = "redis://me:geheim%21@localhost:7000"


def test_the_load_is_shown_and_changed() -> None:
    caller = Caller()
    assert caller.call("GET", "/control").json == as_json(LOAD)
    changed = caller.call("PATCH", "/control", {"queries_per_second": 5, "query_mix": "1/1/2", "event_mix": None})
    assert changed.status == 200
    assert changed.json == {**as_json(LOAD), "queries_per_second": 5, "query_mix": "1/1/2"}
    assert caller.call("GET", "/control").json == changed.json
    assert caller.call("PATCH", "/control", {}).json == changed.json


def test_the_application_is_switched() -> None:
    caller = Caller()
    answer = caller.call("POST", "/api/switch", {"to": "target", "reads": True, "freeze_bound": "2s", "rollout": 1.5})
    assert (answer.status, answer.json["route"]["reads"]) == (200, "target")
    (options,) = caller.controls.switches
    assert (options.reads, options.writes, options.freeze_bound, options.rollout) == (True, False, 2.0, 1.5)
    assert caller.call("GET", "/api/status").json == answer.json


def test_a_migration_is_begun_watched_and_rolled_back() -> None:
    caller = Caller(MemoryRunControls(lasting=True))
    assert caller.call("GET", "/api/migrations").json == []
    begun = caller.call("POST", "/api/migrations", {"strategy": "cold", "abort_if": ["failed=1%"], "max_lost": 3})
    assert begun.status == 202
    assert begun.json["options"]["abort_if"] == ["failed=1%"]
    (document,) = caller.call("GET", "/api/migrations").json
    assert document["status"] == "running"
    assert caller.call("POST", "/api/migrations", {"strategy": "cold"}).status == 409
    assert caller.call("POST", "/api/switch", {"to": "target"}).status == 409
    ended = caller.call("POST", "/api/migrations/current/rollback")
    assert (ended.status, ended.json["status"]) == (200, "rolled-back")
    answer = caller.call("POST", "/api/migrations/current/rollback")
    assert (answer.status, answer.error) == (409, "No migration is going on.")


def test_the_run_begins_again() -> None:
    caller = Caller()
    answer = caller.call("POST", "/api/reset")
    assert (answer.status, answer.json["stage"], caller.controls.resets) == (202, "running", 1)
    caller.controls.running = False
    assert caller.call("POST", "/api/reset").status == 409


def test_the_timeline_is_a_list_of_seconds() -> None:
    assert [row["second"] for row in Caller().call("GET", "/api/timeline").json] == [1, 2]


def test_the_report_of_the_run_so_far_is_one_page() -> None:
    for caller in (Caller(), Caller(bare=True)):
        answer = caller.call("GET", "/report.html")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text.startswith("<!doctype html>")
        assert "Nothing was migrated in this run" in answer.text


@bodies
def test_what_needs_the_load_is_refused_without_it(method: str, path: str) -> None:
    controls = MemoryRunControls()
    controls.running = False
    body = {"/control": {}, "/api/switch": {"to": "target"}, "/api/migrations": {"strategy": "observe"}}[path]
    answer = Caller(controls).call(method, path, body)
    assert (answer.status, answer.json) == (409, {"error": "The load is not running."})


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_a_run_without_controls_says_so(call: Any) -> None:
    answer = Caller(bare=True).call(call.method, call.path, {} if call.body else None)
    assert (answer.status, answer.error) == (503, "This run cannot be controlled.")


@bodies
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"to=target", b"{'to': 1}", b'{"to": NaN}', b'"\\ud800"', b"\xff", b"[" * 5000]
)
def test_what_is_not_json_is_refused(method: str, path: str, raw: bytes) -> None:
    answer = Caller().call(method, path, headers=JSON, parts=[raw])
    assert (answer.status, answer.json) == (400, {"error": "The body is not JSON."})


@bodies
@pytest.mark.parametrize("body", [[], [{}], "x", 1, True])
def test_what_is_no_object_is_refused(method: str, path: str, body: object) -> None:
    answer = Caller().call(method, path, body)
    assert (answer.status, answer.json) == (422, {"error": "The body must be a JSON object.", "field": None})


@bodies
def test_null_is_no_object(method: str, path: str) -> None:
    assert Caller().call(method, path, headers=JSON, parts=[b"null"]).status == 422


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("/control", {"query_mix": "1/2"}, "query_mix", "query_mix is '1/2'; it must be 3 shares"),
        ("/control", {"queries_per_second": "5"}, "queries_per_second", "is '5'; it must be a number from 0"),
        ("/control", {"queries_per_second": True}, "queries_per_second", "is true; it must be a number from 0"),
        ("/control", {"events_per_second": 10**30}, "events_per_second", "it must be a number"),
        ("/control", {"speed": 1}, "speed", "'speed' is unknown here; known are queries_per_second"),
        ("/control", {SECRET_URL: 1}, None, "A field is unknown here"),
        ("/control", {"ä b": 1}, None, "'ä b' is unknown"),
        ("/api/switch", {}, "to", "to is missing; it must be source, target"),
        ("/api/switch", {"to": None}, "to", "to must be source, target"),
        ("/api/switch", {"to": "http://me:geheim@x"}, "to", "to must be source, target"),
        ("/api/switch", {"to": SECRET_URL, "reads": "yes"}, "reads", "reads is 'yes'; it must be true or false"),
        ("/api/switch", {"to": SECRET_URL, "freeze_bound": 1}, "freeze_bound", "in seconds from 1.5 to 60"),
        ("/api/switch", {"to": SECRET_URL, "freeze": SECRET_URL}, "freeze", "freeze must be one of client, none"),
        ("/api/migrations", {}, "strategy", "strategy is missing; it must be one of cold, replicate"),
        ("/api/migrations", {"strategy": "external"}, None, "The strategy external needs command, the tool"),
        ("/api/migrations", {"strategy": "cold", "abort_if": "p99=1s"}, "abort_if", "it must be conditions"),
        ("/api/migrations", {"strategy": "cold", "max_lost": 1.5}, "max_lost", "max_lost is 1.5; it must be a whole"),
    ],
)
def test_what_is_wrong_is_named(path: str, body: dict[str, Any], field: str | None, words: str) -> None:
    answer = Caller().call("PATCH" if path == "/control" else "POST", path, body)
    assert answer.status == 422
    assert answer.json["field"] == field
    assert words in answer.error
    assert "geheim" not in answer.text


@bodies
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_other_content_types_are_refused(method: str, path: str, content_type: str | None) -> None:
    answer = Caller().call(method, path, headers={"content-type": content_type} if content_type else {}, parts=[b"{}"])
    assert answer.status == 415
    assert "application/json" in answer.error


def test_a_content_type_may_have_parameters() -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert Caller().call("PATCH", "/control", headers=headers, parts=[b"{}"]).status == 200


@bodies
def test_no_more_of_a_large_body_is_read_than_need_be(method: str, path: str) -> None:
    part = b" " * 1024
    answer = Caller().call(method, path, headers=JSON, parts=[part] * 1000)
    assert (answer.status, answer.parts_read) == (413, MAX_BODY_BYTES // 1024 + 1)
    assert answer.headers["connection"] == "close"
    said = {**JSON, "content-length": str(MAX_BODY_BYTES + 1)}
    answer = Caller().call(method, path, headers=said, parts=[part] * 1000)
    assert (answer.status, answer.parts_read) == (413, 0)
    assert "64 KiB" in answer.error


def test_a_body_of_the_largest_size_is_read() -> None:
    parts = [b"{}", *[b" " * 1023] * 64, b" " * 62]
    assert sum(map(len, parts)) == MAX_BODY_BYTES
    assert Caller().call("PATCH", "/control", headers=JSON, parts=parts).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/switch/", "/control/x", "/nothing", "/{method.__class__}"])
def test_unknown_paths_are_not_found(method: str, path: str) -> None:
    answer = Caller().call(method, path)
    assert answer.status == 404
    assert path in answer.error


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/control", {"GET", "HEAD", "PATCH"}),
        ("GET", "/api/switch", {"POST"}),
        ("DELETE", "/api/migrations", {"GET", "HEAD", "POST"}),
        ("GET", "/api/migrations/current/rollback", {"POST"}),
        ("PUT", "/api/status", {"GET", "HEAD"}),
        ("OPTIONS", "/api/timeline", {"GET", "HEAD"}),
        ("POST", "/health", {"GET", "HEAD"}),
    ],
)
def test_wrong_methods_are_not_allowed(method: str, path: str, allowed: set[str]) -> None:
    answer = Caller().call(method, path)
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert path in answer.error


@pytest.mark.parametrize("host", ["[", "a:b:c", "", None, "x" * 1000, "\xff"])
def test_a_strange_host_breaks_no_answer(host: str | None) -> None:
    assert Caller().call("GET", "/a\nb", host=host).error.startswith("There is nothing at /ab;")
    assert Caller().call("DELETE", "/control", host=host).status == 405


def test_no_answer_and_no_log_shows_the_url_of_a_switch(capsys: pytest.CaptureFixture[str]) -> None:
    caller = Caller()
    right = caller.call("POST", "/api/switch", {"to": SECRET_URL})
    refused = caller.call("POST", "/api/switch", {"to": SECRET_URL.replace("redis:", "rediss:")})
    broken = caller.call("POST", "/api/switch", {"to": SECRET_URL.replace("redis:", "unix:")})
    assert (right.status, refused.status, broken.status) == (200, 422, 500)
    assert "will not do" in refused.error
    assert "its log says more" in broken.error
    logged = capsys.readouterr()
    assert "ZeroDivisionError" in logged.out + logged.err
    assert "geheim" not in logged.out + logged.err + right.text + refused.text + broken.text


def test_what_a_server_without_a_password_was_refused_for_is_said() -> None:
    answer = Caller().call("POST", "/api/switch", {"to": "rediss://localhost:1"})
    assert (answer.status, answer.error) == (422, "The server rediss://localhost:1 does not answer.")


def test_a_body_that_breaks_off_changes_nothing() -> None:
    caller = Caller()
    answer = caller.call("PATCH", "/control", headers=JSON, parts=[])
    assert answer.status == 400
    assert caller.controls.asked == LOAD


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["target", "cold", "external", "5s", "70/20/10", "p99=1s", "redis://x", "1e400", "nan/1/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({field for model in (LoadChange, SwitchOptions, MigrationOptions) for field in model.model_fields})


@given(st.sampled_from(BODIES), JSON_VALUES | st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=5))
def test_no_json_makes_an_error_of_our_own(call: tuple[str, str], body: object) -> None:
    answer = Caller().call(*call, headers=JSON, parts=[json.dumps(body).encode()])
    assert answer.status in (200, 202, 400, 422)
    if answer.status >= 400:
        assert answer.error


@given(st.sampled_from(BODIES), st.binary(max_size=200))
def test_no_bytes_make_an_error_of_our_own(call: tuple[str, str], raw: bytes) -> None:
    assert Caller().call(*call, headers=JSON, parts=[raw]).status in (200, 202, 400, 422)


def test_all_that_is_served_is_described() -> None:
    caller = Caller()
    document = caller.call("GET", "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    served = {
        (path, method.lower())
        for path, methods in ((route.path, route.methods or ()) for route in caller.app.routes)  # type: ignore[attr-defined]
        for method in methods
        if method != "HEAD"
    }
    assert {(path, method) for path, operations in document["paths"].items() for method in operations} == served
    assert set(caller.call("GET", "/").json["paths"]) == set(document["paths"]) - {"/"}
    text = json.dumps(document)
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert name in document["components"]["schemas"]
    assert "$defs" not in text


def test_the_page_on_the_api_says_what_the_code_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "control-api.md"
    assert page.read_text(encoding="utf-8") == control_api_page(), "run `make docs`"


def test_durations_are_described_as_numbers_or_text() -> None:
    schemas = Caller().call("GET", "/openapi.json").json["components"]["schemas"]
    bound = schemas["SwitchOptions"]["properties"]["freeze_bound"]
    assert bound["anyOf"][0] == {"type": "number", "minimum": 1.5, "maximum": 60}
    assert bound["anyOf"][1]["type"] == "string"
    assert bound["default"] == 5.0
    assert [option["type"] for option in schemas["MigrationOptions"]["properties"]["ready_after"]["anyOf"]] == [
        *("number", "null", "string")
    ]
    assert schemas["MigrationOptions"]["required"] == ["strategy"]
