"""Settings and flags with values of any kind: taken, or refused in one sentence."""

import contextlib
import io
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cli import app, driving, rehearsing
from redis_rehearsal.cli.client import OPTIONS
from redis_rehearsal.settings import Settings
from tests.fuzz import SECRET, many, some

REFUSED = 2
TAKEN = 0
URLS = [
    f"redis://:{SECRET}@127.0.0.1:1/x",
    f"rediss://a:{SECRET}@[::1:1",
    f"http://a:{SECRET}@h",
    f"postgresql://a:{SECRET}@h/d?x=%zz",
    f"//:{SECRET}@",
]
NUMBERS = [
    "1_0",
    "1e999",
    "-1",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "٣",
    "1,5",
    "99999999999999999999999",
    "1e-400",
    "+1",
    "1.",
    "true",
]
NUMBERS += ["200%", "5 m", "5M", "1h1m", "250 ms", "0ms"]
values = st.one_of(
    st.sampled_from([*URLS, *NUMBERS, "", " ", "\t", "/", "/dev/null", "/proc/self/mem", "..", "a" * 10_000]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    st.integers().map(str),
    st.floats().map(str),
)
fields = st.sampled_from(sorted(Settings.model_fields))
given_settings = st.dictionaries(fields, values, min_size=1, max_size=3)
commands = st.sampled_from([name for name in OPTIONS if name not in ("compare", "preflight")])


def answer(arguments: list[str], environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code, and what was written; a run that would begin does not."""
    errors, output = io.StringIO(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as place,
        contextlib.chdir(place),
        mock.patch.dict("os.environ", {"BIND_ADDRESS": "127.0.0.1:1", **(environment or {})}),
        mock.patch.object(driving, "run_until_stopped", return_value=TAKEN),
        mock.patch.object(rehearsing, "rehearse_each", return_value=TAKEN),
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(output),
    ):
        code = app.call(arguments)
        assert not list(Path(place).iterdir())
    return code, errors.getvalue() + output.getvalue()


def see(code: int, said: str) -> None:
    """One sentence where it is refused, without what may be a password, and short."""
    assert code in (TAKEN, REFUSED), said
    assert SECRET not in said
    if code == REFUSED:
        assert said.count("\n") == 1
        assert said.startswith("redis-rehearsal: ")
        assert len(said) < 1_000
        assert "error in the tool itself" not in said


def flags_of(chosen: dict[str, str]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]


def settings_as_flags(chosen: dict[str, str]) -> None:
    see(*answer(["run", *flags_of(chosen)]))


def settings_in_the_environment(chosen: dict[str, str]) -> None:
    see(*answer(["run"], {name.upper(): value for name, value in chosen.items()}))


toml_values = st.one_of(
    values.map(lambda text: "'''" + text.replace("'", "") + "'''"),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "[1]", "{a = 1}", "1979-05-27", "nan", "[[", "'", "\\"]),
)


def settings_in_a_file(chosen: dict[str, str], raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "settings.toml"
        path.write_bytes("\n".join(f"{name} = {value}" for name, value in chosen.items()).encode() + raw)
        see(*answer(["run", "--config", str(path)]))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A command, and options of it."""
    name = draw(commands)
    options = st.sampled_from(sorted(OPTIONS[name].model_fields))
    return name, draw(st.dictionaries(options, values, min_size=1, max_size=3))


def options_as_flags(call: tuple[str, dict[str, str]]) -> None:
    name, chosen = call
    see(*answer([name, *flags_of(chosen)]))


def any_words(words: list[str]) -> None:
    code, said = answer(words)
    # What lists commands, or names the version, is no refusal.
    if code == REFUSED:
        see(code, said)


anything = st.lists(
    st.one_of(
        st.sampled_from(["run", "status", "view", "report", "set", "--json", "--help", "-", "--", "=", "--="]), values
    ),
    max_size=4,
).filter(lambda words: not words or words[0] not in ("compare", "preflight", "clean"))
raw_tail = st.one_of(st.just(b""), st.binary(max_size=20))

test_settings_as_flags = some(given(given_settings)(settings_as_flags))
test_settings_in_the_environment = some(given(given_settings)(settings_in_the_environment))
test_settings_in_a_file = some(given(st.dictionaries(fields, toml_values, max_size=3), raw_tail)(settings_in_a_file))
test_options_as_flags = some(given(calls())(options_as_flags))
test_any_words = some(given(anything)(any_words))

test_many_settings_as_flags = many(given(given_settings)(settings_as_flags))
test_many_settings_in_the_environment = many(given(given_settings)(settings_in_the_environment))
test_many_settings_in_a_file = many(
    given(st.dictionaries(fields, toml_values, max_size=3), raw_tail)(settings_in_a_file)
)
test_many_options_as_flags = many(given(calls())(options_as_flags))
test_many_words = many(given(anything)(any_words))


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("command", ["compare", "preflight"])
def test_no_password_of_a_url_that_is_none_is_shown(command: str, url: str) -> None:
    see(*answer([command, url, url]))
