"""A scenario: a TOML file with all that a rehearsal is. What it may hold, as a file with comments and as a schema."""

from collections.abc import Iterator
from typing import Any, Final

from cyclopts import Parameter
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from redis_rehearsal.groups import ORDER, shown_duration
from redis_rehearsal.migration import explain as options_explain
from redis_rehearsal.migration.abort import CONDITION_PATTERN
from redis_rehearsal.migration.options import RehearsalOptions
from redis_rehearsal.migration.strategies import ALL, STRATEGIES, SUGGESTED
from redis_rehearsal.quantities import DURATION_PATTERN, SHARE_PATTERN
from redis_rehearsal.settings import Settings
from redis_rehearsal.settings import allowed as setting_allowed
from redis_rehearsal.urls import POSTGRES_SCHEMES, REDIS_SCHEMES

_MODELS: Final[tuple[type[BaseModel], ...]] = (RehearsalOptions, Settings)
_HEAD: Final = """\
# A scenario of redis-rehearsal: all that a rehearsal is.
#
#   redis-rehearsal rehearse --config rehearsal.toml
#   redis-rehearsal run --config rehearsal.toml, and then migrate --config rehearsal.toml
#
# What is commented out has the value that it has without this file. An environment variable (QUERIES_PER_SECOND) and a
# flag (--queries-per-second) override what stands here. Durations are seconds, or have a unit: "250ms", "30s", "5m".
# URLs with passwords are better in the environment (REDIS_URL, TARGET_REDIS_URL, DATABASE_URL) than here.

strategy = "%s"
"""


def fields() -> Iterator[tuple[str, type[BaseModel], str, FieldInfo]]:
    """What a scenario may have, in the order of the help: heading, model, name, and what is known of it."""
    found = [(_heading(info), model, name, info) for model in _MODELS for name, info in model.model_fields.items()]
    # Those of one heading stay in the order in which they are declared.
    yield from sorted(found, key=lambda each: ORDER.index(each[0]))


def scenario_text() -> str:
    """A scenario with every key, commented out but for the strategy."""
    lines = [_HEAD % SUGGESTED]
    heading = ""
    for group, model, name, info in fields():
        if group != heading:
            heading = group
            lines.append(f"\n# ---- {group} ----\n")
        if name == "strategy":
            continue
        lines += [f"\n# {info.description}\n", f"# It must be {_allowed(model, name)}.\n"]
        is_duration = options_explain.is_duration(model, name)
        lines.append(f"# {name} = {_toml(info.default, is_duration=is_duration)}\n")
    return "".join(lines)


def scenario_schema() -> dict[str, Any]:
    """A JSON schema of scenarios, for editors and for who writes one by a program."""
    properties = {}
    for group, model, name, info in fields():
        known = model.model_json_schema()["properties"][name]
        property_: dict[str, Any] = {"description": f"{group}: {info.description}"}
        options = [option for option in known.get("anyOf", [known]) if option.get("type") != "null"]
        shape = {key: value for key, value in options[0].items() if key not in ("title", "description", "default")}
        written = _pattern(model, name)
        if written and shape.get("type") == "array":
            shape["items"] = {"type": "string", "pattern": f"^(?:{written})$"}
        if written and shape.get("type") == "string":
            property_ |= {"type": "string", "pattern": f"^(?:{written})$"}
        elif written:
            property_["anyOf"] = [shape, {"type": "string", "pattern": f"^(?:{written})$"}]
        else:
            property_ |= shape
        if info.default is not None and not info.is_required():
            property_["default"] = list(info.default) if isinstance(info.default, tuple) else _plain(info.default)
        properties[name] = property_
    # A key may be written as its flag is.
    properties |= {name.replace("_", "-"): {"$ref": f"#/properties/{name}"} for name in list(properties) if "_" in name}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of redis-rehearsal",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _pattern(model: type[BaseModel], name: str) -> str:
    """How a value is written that is a text; empty where the type says all."""
    if options_explain.is_duration(model, name):
        return DURATION_PATTERN
    if options_explain.is_share(model, name):
        return SHARE_PATTERN
    if name == "strategy":
        one = f"(?:{'|'.join(STRATEGIES)})"
        return f"{ALL}|{one}(?:,{one})*"
    if name == "abort_if":
        return CONDITION_PATTERN
    if name in ("redis_url", "target_redis_url"):
        return f"(?:{'|'.join(REDIS_SCHEMES)})://.*"
    return f"(?:{'|'.join(POSTGRES_SCHEMES)})://.*" if name == "database_url" else ""


def _heading(info: FieldInfo) -> str:
    # The group of a parameter is a tuple of them.
    groups = [each.group for each in info.metadata if isinstance(each, Parameter) and each.group]
    (group,) = groups[-1] if isinstance(groups[-1], tuple) else (groups[-1],)
    return str(getattr(group, "name", group))


def _allowed(model: type[BaseModel], name: str) -> str:
    return setting_allowed(name) if model is Settings else options_explain.allowed(model, name)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float) else str(value)


def _toml(value: object, *, is_duration: bool) -> str:
    if value is None:
        return "…"
    if is_duration:
        return f'"{shown_duration(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f'"{value}"'
