"""Each number that can be given has a range, so that none is too large for a document."""

from typing import Any

import pytest
from pydantic import BaseModel

from redis_rehearsal.migration.options import LoadChange, MigrationOptions, RehearsalOptions, SwitchOptions
from redis_rehearsal.migration.preflight.options import PreflightOptions
from redis_rehearsal.quantities import MOST, is_plain
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.compare.options import CompareOptions

MODELS = [Settings, MigrationOptions, RehearsalOptions, SwitchOptions, LoadChange, CompareOptions, PreflightOptions]


def numbers(schema: dict[str, Any]) -> list[dict[str, Any]]:
    options = schema.get("anyOf", [schema])
    return [option for option in options if option.get("type") in ("number", "integer")]


@pytest.mark.parametrize("model", MODELS)
def test_every_number_has_a_range(model: type[BaseModel]) -> None:
    for name, schema in model.model_json_schema()["properties"].items():
        for each in numbers(schema):
            bounds = {**schema, **each}
            assert {"minimum", "exclusiveMinimum"} & bounds.keys(), name
            assert bounds["maximum"] <= 2**63 - 1, name


def test_what_is_counted_is_exact_for_every_reader_of_json() -> None:
    assert MOST < 2**53
    assert int(float(MOST)) == MOST


@pytest.mark.parametrize("text", ["1_0", "0x1", "nan", "inf", "Infinity", "1e", "", " ", "\u0661", "--1"])
def test_only_what_people_read_as_a_number_is_one(text: str) -> None:
    assert not is_plain(text)
