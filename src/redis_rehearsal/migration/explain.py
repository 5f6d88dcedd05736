"""What is wrong with what was asked of a migration, a switch or the load, in one sentence."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from redis_rehearsal.migration.options import MAY_HOLD_SECRETS, RehearsalOptions
from redis_rehearsal.migration.strategies import ALL, STRATEGIES
from redis_rehearsal.quantities import SECONDS, SHARE
from redis_rehearsal.settings import in_words

_WORDS: Final = {
    "strategies": f"one of {', '.join(STRATEGIES)}, several of them with commas between, or {ALL}",
    "to": "source, target, or a URL that begins with redis://, rediss:// or unix://",
    "query_mix": "3 shares that are not all 0, as in 70/20/10",
    "event_mix": "5 shares that are not all 0, as in 60/28/10/1.5/0.5",
    "abort_if": "conditions as p99=500ms or failed=1%, below an hour and 100%",
}
_MAY_HOLD_SECRETS: Final = MAY_HOLD_SECRETS | {"to"}
_LONGEST_SHOWN: Final = 60
_FLAG = re.compile(r"--([a-z-]+)")


def as_field(field: str) -> str:
    """How a field is named where it was given as JSON."""
    return field


def as_flag(field: str) -> str:
    """How a field is named where it was given on a command line."""
    return f"--{field.replace('_', '-')}"


def is_duration(model: type[BaseModel], field: str) -> bool:
    """Whether a field is a number of seconds that can be given with a unit, as in 250ms."""
    return _is_marked(model, field, SECONDS)


def is_share(model: type[BaseModel], field: str) -> bool:
    """Whether a field is a share that can be given in percent, as in 1%."""
    return _is_marked(model, field, SHARE)


def _is_marked(model: type[BaseModel], field: str, mark: object) -> bool:
    info = model.model_fields[field]
    found: list[Any] = list(info.metadata)
    for option in get_args(info.annotation):
        if get_origin(option) is Annotated:
            found.extend(option.__metadata__)
    return mark in found


def allowed(model: type[BaseModel], field: str) -> str:
    """What a field may be, in words, from its type and bounds."""
    if field == "strategy" and model is RehearsalOptions:
        return _WORDS["strategies"]
    if field in _WORDS:
        return _WORDS[field]
    said = in_words(model.model_json_schema()["properties"][field], is_duration=is_duration(model, field))
    return f"{said}, or a share such as 0.1%" if is_share(model, field) else said


def wrong_field(error: ValidationError, model: type[BaseModel]) -> str | None:
    """The field that `explain` speaks of; None where it speaks of no field of the model."""
    first = error.errors(include_url=False)[0]
    return next((str(part) for part in first["loc"][:1] if part in model.model_fields), None)


def explain(error: ValidationError, model: type[BaseModel], name: Callable[[str], str] = as_flag) -> str:
    """One sentence on the first thing that is wrong: the field, the value and what is allowed.

    Args:
        error: of the validation.
        model: against which it was.
        name: makes a field's name as the reader knows it.

    Returns:
        The sentence. A value that may hold a password is not in it.
    """
    first = error.errors(include_url=False)[0]
    field = wrong_field(error, model)
    if field is None:
        if first["type"] == "extra_forbidden":
            known = ", ".join(map(name, model.model_fields))
            return f"{_shown(first['loc'][0]) or 'A field'} is unknown here; known are {known}."
        sentence = first["msg"].removeprefix("Value error, ")
        # The models speak of flags.
        return re.sub(_FLAG, lambda match: name(match[1].replace("-", "_")), f"{sentence[:1].upper()}{sentence[1:]}.")
    must = f"must be {allowed(model, field)}"
    if first["type"] == "missing":
        return f"{name(field)} is missing; it {must}."
    shown = "" if field in _MAY_HOLD_SECRETS else _shown(first["input"])
    return f"{name(field)} is {shown}; it {must}." if shown else f"{name(field)} {must}."


def _shown(value: object) -> str:
    """A value as a sentence may show it; empty where it is long, no plain value, or could be a URL."""
    if isinstance(value, list | tuple):
        return ", ".join(shown) if all(shown := [_shown(part) for part in value]) else ""
    if not isinstance(value, str | int | float):
        return ""
    text = repr(value) if isinstance(value, str) else str(value).lower()
    return "" if len(text) > _LONGEST_SHOWN or "://" in text or "@" in text else text
