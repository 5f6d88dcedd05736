import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tools import report_page
from tools.run_schema import schema_text

from redis_rehearsal.document.base import Part, as_json
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.schema import schema
from redis_rehearsal.document.status import Load, MigrationSoFar, RunStatus
from redis_rehearsal.report.document import make_document
from tests.unit.report.made import view
from tests.unit.report.made_migration import document

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENTS = (RunDocument, RunStatus, Load, MigrationSoFar)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where objects of a document have their fields."""
    found = []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += [(*at, name), *places(inner, (*at, name))]
    elif isinstance(value, list):
        found += [place for number, inner in enumerate(value) for place in places(inner, (*at, number))]
    return found


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_it_is_a_schema_in_which_each_field_has_a_meaning(kind: type[Part]) -> None:
    made = schema(kind)
    jsonschema.Draft202012Validator.check_schema(made)
    for part in (made, *made["$defs"].values()):
        assert part["description"]
        for name, field in part["properties"].items():
            assert field["description"], name


def test_what_is_made_keeps_to_it() -> None:
    made = as_json(make_document(view()))
    for each in (made, document(), document("fail", lost="failed")):
        jsonschema.validate(each, schema(RunDocument))
    # What this version writes has each of its fields.
    assert set(places(made)) >= {(name,) for name in schema(RunDocument)["required"]}


def test_what_lacks_a_field_or_has_another_kind_of_it_does_not() -> None:
    validator = jsonschema.Draft202012Validator(schema(RunDocument))
    whole = as_json(make_document(view()))
    known = {"settings", "events_by_type", "writes", "structures", "unwritten", "failures"}
    checked = 0
    for place in places(whole):
        if known.intersection(place):
            continue
        for damage in ("another kind", None):
            made = json.loads(json.dumps(whole))
            inner = made
            for step in place[:-1]:
                inner = inner[step]
            if damage is None:
                del inner[place[-1]]
            else:
                inner[place[-1]] = {"nothing": [damage]}
            assert not validator.is_valid(made), place
            checked += 1
    assert checked > 150


def test_the_pages_are_those_of_this_version() -> None:
    page = report_page.PAGE.read_text(encoding="utf-8")
    assert page == report_page.page_text(page)
    assert (DOCS / "run.schema.json").read_text(encoding="utf-8") == schema_text()
