import contextlib
import string
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from tools.configuration_page import configuration_page

from redis_rehearsal.settings import Settings, allowed, explain
from redis_rehearsal.urls import split_postgres_url, split_redis_url


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
        ("bind_address", "a b:1", "an address and a port"),
        ("bind_address", "h:99999", "an address and a port"),
        ("bind_address", "::1:3000", "[::1]:3000"),
        ("events_per_second", "1_000", "a number"),
        ("organizations", "1_000", "a whole number"),
        ("max_queue", "1_000", "a whole number"),
        ("seed", "\u0661", "a whole number"),
        ("warmup", "\u0661s", "a duration"),
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


URLS = {
    "redis_url": (
        "redis://{}@h:6380/1",
        "rediss://me:{}@[::1]",
        "unix://me:{}@/run/x.sock",
        "redis:/{}@h",
        "redis:{}@h",
    ),
    "target_redis_url": ("redis://:{}@h", "redis://{}", "redis://{}:1", "redis://h:{}", "redis://:{}@[::1", "{}@h"),
    "database_url": ("postgresql://u:{}@h/x", "postgres://u:{}@[::1]:1,h2:2/x", "postgresql://u:{}", "postgresql:{}@h"),
}
PLACES = [(name, url) for name, urls in URLS.items() for url in urls]
SOME = st.text(string.ascii_letters + string.digits + "/?#[]@:%&=+,;'\"\\ \t\nä℀", max_size=9)
PASSWORDS = st.builds("{}Geheim{}".format, SOME, SOME)
TRUE_PLACES = [(name, url) for name, url in PLACES if "me:{}@" in url or "u:{}@" in url or url == "redis://:{}@h"]


@given(st.sampled_from(PLACES), PASSWORDS, st.booleans())
@example(("redis_url", "redis://{}@h:6380/1"), ":SEC/Geheim", False)
@example(("target_redis_url", "redis://:{}@[::1"), "Geheim", False)
@example(("target_redis_url", "{}@h"), "Geheim://", False)
@example(("database_url", "postgresql://u:{}@h/x"), "Geheim/TE", False)
@example(("database_url", "postgresql://u:{}@h/x"), "SE?Geheim", False)
def test_no_sentence_shows_a_password(place: tuple[str, str], password: str, listed: bool) -> None:
    name, url = place[0], place[1].format(password)
    try:
        Settings.model_validate({name: [url] if listed else url})
    except ValidationError as error:
        sentence = explain(error)
        assert sentence.startswith(name.upper())
        assert "geheim" not in sentence.lower()


def password_in(name: str, url: str) -> str:
    Settings.model_validate({name: url})
    parts = split_postgres_url(url) if name == "database_url" else split_redis_url(url)[0]
    return unquote(parts.password or "")


@given(st.sampled_from(TRUE_PLACES), PASSWORDS)
def test_an_escaped_password_is_read_right(place: tuple[str, str], password: str) -> None:
    name, url = place
    assert password_in(name, url.format(quote(password, safe=""))) == password


@given(st.sampled_from(TRUE_PLACES), PASSWORDS)
def test_an_unescaped_password_is_read_whole_or_refused(place: tuple[str, str], password: str) -> None:
    name, url = place
    with contextlib.suppress(ValidationError):
        assert password_in(name, url.format(password)) == unquote(password)


@pytest.mark.parametrize("character", "/?#[]@")
@pytest.mark.parametrize(("name", "url"), TRUE_PLACES)
def test_a_password_that_must_be_escaped_is_refused_with_the_remedy(name: str, url: str, character: str) -> None:
    assert "must be percent-encoded" in complaint(**{name: url.format(f"SEC{character}RET")})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h:99999/x", "port"),
        ("postgresql://h:0/x", "port"),
        ("postgresql://h1,h2:port/x", "port"),
        ("postgresql://h/x?sslmode", "options"),
        ("h/x", "must begin with postgresql://"),
    ],
)
def test_a_database_url_is_checked_before_anything_starts(url: str, expected: str) -> None:
    assert expected in complaint(database_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///x",
        "postgres://h1:1,h2:2/x?sslmode=require",
        "postgresql://u@%2Frun%2Fpg/x",
        "postgresql:///x?host=/run/pg",
    ],
)
def test_what_asyncpg_reads_is_allowed(url: str) -> None:
    assert Settings.model_validate({"database_url": url}).database_url is not None


def test_an_empty_directory_is_as_if_unset() -> None:
    settings = Settings.model_validate({"data_dir": "", "run_dir": ""})
    assert (settings.data_dir, settings.run_dir) == (None, Path("runs"))


NUMBERS = [name for name in Settings.model_fields if allowed(name).startswith(("a number", "a whole", "a duration"))]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["1_0", " 1", "0x1", "inf", "nan", "\u0661", ""])
def test_what_only_python_reads_as_a_number_is_refused(name: str, value: str) -> None:
    # A space before a duration's unit is allowed, and so is one around it.
    if value != " 1" or not allowed(name).startswith("a duration"):
        assert complaint(**{name: value}).startswith(f"{name.upper()} is {value!r}; it must be a ")


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
