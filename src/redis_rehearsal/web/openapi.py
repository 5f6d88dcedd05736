"""The API's description for programs: an OpenAPI 3.1 document, from the calls and the models of their bodies."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from redis_rehearsal import __version__
from redis_rehearsal.document.base import Part
from redis_rehearsal.document.ledger import Ledger
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.schema import schema
from redis_rehearsal.migration.explain import is_duration, is_share
from redis_rehearsal.quantities import SHARE_PATTERN
from redis_rehearsal.web.api import CALLS, Call
from redis_rehearsal.web.guard import is_open
from redis_rehearsal.web.page.routes import MEDIA_TYPES

_SCHEMAS: Final = "#/components/schemas/"
_DURATION: Final = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|)$", "examples": ["250ms", "30s"]}
_SHARE: Final = {"type": "string", "pattern": f"^{SHARE_PATTERN}$", "examples": ["0.1%"]}
_READS: Final = {
    "/": ("What there is; a browser gets the live page.", "application/json", "text/html"),
    "/health": ("The state of the run and its servers; 503 where not all that it needs is there.", "application/json"),
    "/metrics": ("Metrics for Prometheus.", "text/plain"),
    "/stats": ("The run's document so far.", "application/json"),
    "/ledger": ("The ledger held against the source now.", "application/json"),
    "/page/{name}": ("A file of the live page, which a browser gets at /.", *MEDIA_TYPES.values()),
    "/api/events": ("What happens in the run, as it happens: server-sent events.", "text/event-stream"),
    "/report.html": ("The report of the run so far: one page that needs nothing else.", "text/html"),
    "/openapi.json": ("This document.", "application/json"),
}
_READ_DOCUMENTS: Final[dict[str, type[Part]]] = {"/stats": RunDocument, "/ledger": Ledger}
_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "The token is missing or wrong; a call that changes nothing needs none from this machine.",
    403: "The call comes from a page of another origin.",
    404: "There is nothing at this path.",
    409: "It cannot be done now.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field is wrong, or a server will not do.",
    503: "This run cannot be controlled.",
}
_BODY_ERRORS: Final = (400, 413, 415, 422)
_TOKEN: Final = [{"token": list[str]()}]
_FROM_HERE_OR_TOKEN: Final = [{}, *_TOKEN]


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of everything that a run serves."""
    bodies = {call.body for call in CALLS if call.body}
    models = sorted(bodies, key=lambda model: model.__name__)
    _, made = models_json_schema([(model, "validation") for model in models], ref_template=f"{_SCHEMAS}{{model}}")
    schemas = made["$defs"]
    for model in models:
        _allow_units(schemas[model.__name__], model)
    paths: dict[str, dict[str, Any]] = {}
    for path, (summary, *media_types) in _READS.items():
        answer = _told(_READ_DOCUMENTS[path]) if path in _READ_DOCUMENTS else {}
        operation: dict[str, Any] = {"summary": summary, "responses": {"200": _response("OK", answer, *media_types)}}
        if path == "/health":
            operation["responses"]["503"] = _response("Not all is there.", {}, *media_types)
        if "{name}" in path:
            operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
            operation["responses"]["404"] = _error(404)
        if not is_open(path):
            operation["responses"]["401"] = _error(401)
            operation["security"] = _FROM_HERE_OR_TOKEN
        paths[path] = {"get": operation}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    error = {
        "type": "object",
        "properties": {
            "error": {"type": "string", "description": "One sentence on what is wrong."},
            "field": {"type": ["string", "null"], "description": "The field of the body that is wrong."},
        },
        "required": ["error"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "redis-rehearsal",
            "version": __version__,
            "description": "What can be seen and changed of a run. What changes something needs the run's "
            "token; so does what is read from elsewhere than the run's machine.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, **_documents(), "Error": error},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The run's token, CONTROL_TOKEN."}
            },
        },
    }


def _operation(call: Call) -> dict[str, Any]:
    document = _told(call.told)
    if call.many:
        document = {"type": "array", "items": document}
    errors = [503, 401]
    if call.changes:
        errors.append(403)
    if call.body:
        errors += _BODY_ERRORS
    if call.conflicts:
        errors.append(409)
    responses = {str(call.status): _response("OK", document)}
    for status in sorted(errors):
        responses[str(status)] = _error(status)
    operation: dict[str, Any] = {"summary": call.summary, "responses": responses}
    if call.body:
        schema = {"$ref": f"{_SCHEMAS}{call.body.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation["security"] = _TOKEN if call.changes else _FROM_HERE_OR_TOKEN
    return operation


def _told(kind: type[Part] | None) -> dict[str, Any]:
    return {"type": "object"} if kind is None else {"$ref": f"{_SCHEMAS}{kind.__name__}"}


def _documents() -> dict[str, Any]:
    """The schemas of all that is answered, by name."""
    found: dict[str, Any] = {}
    for kind in {*_READ_DOCUMENTS.values(), *(call.told for call in CALLS if call.told)}:
        made = schema(kind, _SCHEMAS)
        found |= {**made.pop("$defs"), made.pop("title"): made}
        del made["$schema"]
    return dict(sorted(found.items()))


def _error(status: int) -> dict[str, Any]:
    return _response(_ERRORS[status], {"$ref": f"{_SCHEMAS}Error"})


def _response(description: str, schema: dict[str, Any], *media_types: str) -> dict[str, Any]:
    media = media_types or ("application/json",)
    return {"description": description, "content": {media_type: {"schema": schema} for media_type in media}}


def _allow_units(schema: dict[str, Any], model: type[BaseModel]) -> None:
    # Pydantic does not know that a validator reads what has a unit before its own does.
    for field, words in schema["properties"].items():
        written = _DURATION if is_duration(model, field) else _SHARE if is_share(model, field) else None
        if written is None:
            continue
        options = words.pop("anyOf", None)
        if options is None:
            number = {name: words.pop(name) for name in ("type", "minimum", "maximum") if name in words}
            options = [number]
        words["anyOf"] = [*options, written]
