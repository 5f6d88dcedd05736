from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tools.configuration_page import configuration_page

from redis_rehearsal.settings import Settings, explain


def complaint(**values: object) -> str:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate(values)
    return explain(error.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("events_per_second", "-1", "from 0"),
        ("queries_per_second", "many", "a number"),
        ("queries_per_second", "nan", "a number"),
        ("cache_hit_target", "101", "to 100"),
        ("organizations", "0", "from 1"),
        ("organizations", "1.5", "a whole number"),
        ("arrivals", "sometimes", "poisson, constant"),
        ("load", "huge", "ultra, high, demo, low"),
        ("duration", "soon", "a duration"),
        ("bind_address", "3000", "an address and a port"),
        ("redis_url", "http://localhost", "redis://"),
        ("database_url", "mysql://localhost", "postgresql://"),
        ("key_prefix", "a*", "characters"),
        ("single_flight", "perhaps", "true or false"),
        ("query_complexity", "4", "to 3"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    sentence = complaint(**{name: value})
    assert sentence.startswith(name.upper())
    assert allowed in sentence
    assert "\n" not in sentence


def test_a_wrong_url_does_not_show_its_password() -> None:
    assert "geheim" not in complaint(redis_url="http://me:geheim@localhost")


@pytest.mark.parametrize("token", ["geheim1", "geheimes wort", "geheimniß", "geheimnis\n"])
def test_a_wrong_token_is_refused_and_not_shown(token: str) -> None:
    sentence = complaint(control_token=token)
    assert sentence == "CONTROL_TOKEN must be at least 8 ASCII characters without spaces."


def test_an_empty_token_is_none() -> None:
    assert Settings.model_validate({"control_token": ""}).control_token is None


def test_settings_that_do_not_fit_together_are_named_both() -> None:
    sentence = complaint(workers=4, redis_pool_size=6)
    assert "WORKERS" in sentence
    assert "REDIS_POOL_SIZE" in sentence


def test_an_unknown_setting_is_refused() -> None:
    assert "not a setting" in complaint(speed=3)


@given(st.floats(0, 1e6), st.sampled_from([("ms", 0.001), ("s", 1.0), ("", 1.0), ("m", 60.0), ("h", 3600.0)]))
def test_durations_are_read_in_all_units(amount: float, unit: tuple[str, float]) -> None:
    text = f"{amount:.6f}{unit[0]}"
    seconds = float(f"{amount:.6f}") * unit[1]
    if seconds <= 86_400:
        assert Settings.model_validate({"warmup": text}).warmup == pytest.approx(seconds)
    else:
        with pytest.raises(ValidationError):
            Settings.model_validate({"warmup": text})


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_numbers_are_the_same_as_text_and_as_numbers(events: float, queries: float) -> None:
    as_text = {"events_per_second": repr(events), "queries_per_second": repr(queries)}
    as_numbers = {"events_per_second": events, "queries_per_second": queries}
    assert Settings.model_validate(as_text) == Settings.model_validate(as_numbers)


def test_a_preset_gives_way_to_what_is_said() -> None:
    settings = Settings.model_validate({"load": "demo", "queries_per_second": 7})
    assert (settings.events_per_second, settings.queries_per_second) == (50, 7)


def test_an_empty_url_is_none() -> None:
    assert Settings.model_validate({"redis_url": ""}).redis_url is None


def test_secrets_are_not_shown() -> None:
    assert "geheim" not in repr(
        Settings.model_validate({"redis_url": "redis://:geheim@localhost", "control_token": "geheimnis"})
    )


def test_the_page_on_settings_says_what_the_code_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == configuration_page(), "run `make docs`"


def test_the_queue_holds_ten_seconds_of_arrivals_unless_told() -> None:
    assert Settings().queue_limit(10_000) == 100_000
    assert Settings.model_validate({"max_queue": 5}).queue_limit(10_000) == 5
