from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from redis_rehearsal.migration.explain import allowed, as_field, explain, is_duration, wrong_field
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, RehearsalOptions, SwitchOptions


def error(model: type[BaseModel], **values: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return caught.value


@pytest.mark.parametrize(
    ("model", "values", "sentence"),
    [
        (LoadChange, {"query_mix": "1/2"}, "--query-mix is '1/2'; it must be 3 shares that are not all 0, as in"),
        (LoadChange, {"queries_per_second": -1}, "--queries-per-second is -1; it must be a number from 0 to 10,000"),
        (SwitchOptions, {}, "--to is missing; it must be source, target, or a URL"),
        (SwitchOptions, {"to": "elsewhere"}, "--to must be source, target, or a URL"),
        (SwitchOptions, {"to": "target", "freeze": "server"}, "--freeze is 'server'; it must be one of client, none."),
        (SwitchOptions, {"to": "target", "rollout": "soon"}, "--rollout is 'soon'; it must be a duration such as"),
        (
            MigrationOptions,
            {"strategy": "cold", "max_lost": -1},
            "--max-lost is -1; it must be a whole number from 0 to 1,",
        ),
        (
            MigrationOptions,
            {"strategy": "cold", "max_lost": 10**26},
            "--max-lost is 100000000000000000000000000; it must",
        ),
        (MigrationOptions, {"strategy": "cold", "max_lost": True}, "--max-lost is true; it must be a whole number"),
        (MigrationOptions, {"strategy": "cold", "max_lost": "1_0"}, "--max-lost is '1_0'; it must be a whole number"),
        (MigrationOptions, {"strategy": "cold", "max_failed_queries": "1_0"}, "--max-failed-queries is '1_0'; it must"),
        (MigrationOptions, {"strategy": "copy", "copy_rate": "1_000"}, "--copy-rate is '1_000'; it must be a number"),
        (
            MigrationOptions,
            {"strategy": "cold", "ready_command": "true"},
            "--ready-command is for the strategy external",
        ),
        (MigrationOptions, {"strategy": "observe", "then": "rollback"}, "The strategy observe goes with --then stay"),
        (MigrationOptions, {"strategy": "fallback", "final_pass": False}, "--no-final-pass is for the strategy copy"),
        (
            RehearsalOptions,
            {"strategy": "cold,copy", "naive": True},
            "--naive is for the strategy dual-write, which is",
        ),
        (LoadChange, {"query_mix": "1_0/1/1"}, "--query-mix is '1_0/1/1'; it must be 3 shares"),
        (
            MigrationOptions,
            {"strategy": "cold", "abort_if": ["failed=200%"]},
            "--abort-if is 'failed=200%'; it must be",
        ),
        (MigrationOptions, {"strategy": "cold", "abort_if": [f"p99={10**400}s"]}, "--abort-if must be conditions as"),
        (MigrationOptions, {"strategy": "cold", "abort_if": ["p98=1s"]}, "--abort-if is 'p98=1s'; it must be conditi"),
        (MigrationOptions, {"strategy": "external"}, "The strategy external needs --command, the tool"),
        (MigrationOptions, {"strategy": "cold", "ready_after": -1}, "--ready-after is -1; it must be a duration such"),
        (MigrationOptions, {"strategy": "cold", "reset": 1}, "'reset' is unknown here; known are --max-lost"),
    ],
)
def test_the_flag_the_value_and_what_is_allowed_are_named(
    model: type[BaseModel], values: dict[str, Any], sentence: str
) -> None:
    found = explain(error(model, **values), model)
    assert found.startswith(sentence)
    assert found.endswith(".")
    assert "\n" not in found


def test_in_json_fields_are_named_as_there() -> None:
    wrong = error(MigrationOptions, strategy="cold", command="cp")
    assert explain(wrong, MigrationOptions, as_field).startswith("command is for the strategy external")
    assert wrong_field(wrong, MigrationOptions) is None
    wrong = error(MigrationOptions, strategy="external", command="cp", settle=9)
    assert explain(wrong, MigrationOptions, as_field).startswith("settle must leave 1.5 s")
    wrong = error(LoadChange, query_mix="1")
    assert explain(wrong, LoadChange, as_field).startswith("query_mix is '1'")
    assert wrong_field(wrong, LoadChange) == "query_mix"


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (SwitchOptions, {"to": "http://me:geheim@localhost"}),
        (SwitchOptions, {"to": "target", "freeze": "redis://:geheim@x"}),
        (SwitchOptions, {"to": "target", "redis://:geheim@x": 1}),
        (SwitchOptions, {"to": ["geheim"]}),
        (MigrationOptions, {"strategy": "external", "command": {"geheim": 1}}),
        (MigrationOptions, {"strategy": "cold", "abort_if": ["redis://:geheim@x"]}),
    ],
)
def test_no_sentence_shows_what_may_be_a_password(model: type[BaseModel], values: dict[str, Any]) -> None:
    assert "geheim" not in explain(error(model, **values), model)


def test_a_switch_does_not_show_its_url() -> None:
    options = SwitchOptions(to="redis://:geheim@localhost")
    assert "geheim" not in repr(options)
    assert "geheim" not in str(error(SwitchOptions, to="x://:geheim@localhost"))


@pytest.mark.parametrize("model", [LoadChange, SwitchOptions, MigrationOptions])
def test_every_field_can_be_said_in_words(model: type[BaseModel]) -> None:
    assert all(allowed(model, field) for field in model.model_fields)


def test_durations_are_known_also_where_they_may_be_missing() -> None:
    durations = {field for field in MigrationOptions.model_fields if is_duration(MigrationOptions, field)}
    assert {"freeze_bound", "ready_after", "max_cutover_p99", "baseline"} <= durations
    assert not {"strategy", "max_lost", "max_failed_events"} & durations
