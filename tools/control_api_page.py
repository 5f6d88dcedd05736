"""Writes docs/control-api.md from the calls of the control API and the models of their bodies."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from redis_rehearsal.migration.explain import allowed
from redis_rehearsal.web.api import CALLS, Call
from redis_rehearsal.web.openapi import openapi_document

_HEAD: Final = """# The control API

<!-- Written by `make docs` from src/redis_rehearsal/web/api.py and migration/options.py; a test compares the two. -->

What can be seen and changed of a run that is going on, over HTTP at BIND_ADDRESS. `redis-rehearsal switch`, `status`,
`set` and `migrate` use it; `/openapi.json` describes it for programs. Bodies and answers are JSON. Durations are
seconds, or text with a unit: `"250ms"`, `"30s"`, `"5m"`.

## Who may

Each run has a token: CONTROL_TOKEN where that is set, else one that is made for it. It is sent as
`Authorization: Bearer <token>`.

- What changes something (PATCH, POST) needs it, always. A page of another origin is refused even with it.
- What is read needs none on the run's machine: the caller must be on it, name it in the Host header (`localhost`,
  `127.0.0.1`, `[::1]`), and not come through a proxy. From elsewhere it needs the token.
- `/health` and `/metrics` answer whoever reaches BIND_ADDRESS, and hold no secret and no key; so do the files of the
  page.

A token that was made stands in the link of the page that the terminal shows, and in a file that only the user of the
run may read; `switch`, `set`, `migrate` and `reset` of the same user take it from there. `redis-rehearsal status
--link` prints that link. The connection is not encrypted, so let a token cross only networks that you trust. The
examples give the token of CONTROL_TOKEN.

**Who may begin a migration may run commands**: `command` and `ready_command` are run by a shell as the user of the run.

## Errors

Every error is `{"error": "a sentence"}`; one about the body has `"field"` too: the name of the wrong field, or null
where it is about none or several. No error shows the URL of a server that you sent, since it may hold a password.

| status | when |
|---|---|
"""

_ALWAYS: Final = {
    404: "There is nothing at this path.",
    405: "The path does not take this method; the header Allow says which.",
}
_EXAMPLES: Final[dict[tuple[str, str], Any]] = {
    ("PATCH", "/control"): {"queries_per_second": 500, "query_mix": "70/20/10"},
    ("POST", "/api/switch"): {"to": "target", "freeze_bound": "3s"},
    ("POST", "/api/migrations"): {"strategy": "replicate", "baseline": "10s", "abort_if": ["failed=1%"]},
}
_PLACE: Final = "http://127.0.0.1:3000"


def control_api_page() -> str:
    """The text of docs/control-api.md."""
    errors: dict[int, str] = dict(_ALWAYS)
    operations = openapi_document()["paths"]
    for call in CALLS:
        for status, response in _responses(operations, call).items():
            if status >= 400:
                errors[status] = response["description"]
    rows = [f"| {status} | {errors[status]} |\n" for status in sorted(errors)]
    return _HEAD + "".join(rows) + "".join(_section(operations, call) for call in CALLS) + _TAIL


_TAIL: Final = """
## The rest

`GET /health`, `/metrics` (for Prometheus), `/stats` (see [The run's document](report.md)), `/ledger`,
`/report.html` (the report of the run so far: one page that needs nothing else) and `/openapi.json` are there with or
without controls.
"""


def _responses(operations: dict[str, Any], call: Call) -> dict[int, Any]:
    return {int(status): found for status, found in operations[call.path][call.method.lower()]["responses"].items()}


def _section(operations: dict[str, Any], call: Call) -> str:
    statuses = sorted(_responses(operations, call))
    errors = ", ".join(str(status) for status in statuses if status >= 400)
    kind = "an array of objects" if call.many else "an object"
    parts = [f"\n## {call.method} {call.path}\n\n{call.summary} Answers {call.status} with {kind}; errors: {errors}.\n"]
    if call.body:
        parts.append(_fields(call.body))
    parts.append(f"\n```\n{_curl(call)}\n```\n")
    return "".join(parts)


def _fields(model: type[BaseModel]) -> str:
    rows = ["\n| field | default | allowed | meaning |\n|---|---|---|---|\n"]
    for name, field in model.model_fields.items():
        if field.is_required():
            default = "must be given"
        else:
            default = "" if field.default in (None, ()) else json.dumps(field.default).removesuffix(".0").strip('"')
        words = "an array of conditions as p99=500ms or failed=1%" if name == "abort_if" else allowed(model, name)
        rows.append(f"| `{name}` | {default} | {words} | {field.description} |\n")
    return "".join(rows)


def _curl(call: Call) -> str:
    if not call.changes:
        return f"curl {_PLACE}{call.path}"
    header = '-H "Authorization: Bearer $CONTROL_TOKEN"'
    if call.body is None:
        return f"curl -X {call.method} {header} {_PLACE}{call.path}"
    body = json.dumps(_EXAMPLES[call.method, call.path])
    first = f"curl -X {call.method} {header} -H 'Content-Type: application/json'"
    return " \\\n  ".join((first, f"-d '{body}'", f"{_PLACE}{call.path}"))


def main() -> None:
    """Write the page."""
    page = Path(__file__).parents[1] / "docs" / "control-api.md"
    page.write_text(control_api_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
