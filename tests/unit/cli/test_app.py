import os
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from redis_rehearsal.cli import app, rehearsing
from redis_rehearsal.cli.app import call
from redis_rehearsal.cli.handing_on import HandingOn, copy_documents
from redis_rehearsal.errors import AccountingError, BrokenError, MigrationError, RehearsalError
from redis_rehearsal.groups import ORDER
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.settings import Settings


@pytest.mark.parametrize(
    "error", [RuntimeError, KeyError, PermissionError, RehearsalError, AccountingError, MigrationError]
)
def test_an_error_of_the_tool_itself_has_no_exit_code_of_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise error("redis://:geheim@h") if not issubclass(error, RehearsalError) else error("Words for a person.")

    monkeypatch.setattr(app, "take_config", fails)
    assert app.call(["run"]) == 70
    said = capsys.readouterr().err
    assert said.startswith("redis-rehearsal: ")
    assert said.count("\n") == 1
    assert "geheim" not in said
    if not issubclass(error, RehearsalError):
        assert f"of the kind {error.__name__}, at test_app.py:" in said


def test_a_key_of_the_file_that_is_named_as_a_command_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Any] = []

    def rehearsed(settings: Settings, each: list[MigrationOptions], *_: object, **__: object) -> int:
        seen.append((settings.reset, each[0].compare, each[0].abort_if))
        return 0

    monkeypatch.setattr(rehearsing, "rehearse_each", rehearsed)
    file = tmp_path / "my.toml"
    file.write_text("reset = true\ncompare = false\nstrategy = 'copy'\nabort_if = ['p99=1s']\n")
    for line in (["rehearse", "--config", str(file)], ["--config", str(file), "rehearse"]):
        assert app.call(line) == 0
    assert seen == [(True, False, ("p99=1s",))] * 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["reharse"], "'reharse' is not a command; did you mean rehearse?"),
        (["help", "reprot"], "'reprot' is not a command; did you mean report?"),
        (["xyzzy"], "the commands are run, rehearse, init, "),
        (["rehearse", "--stratgy", "copy"], "did you mean --strategy?"),
    ],
)
def test_what_is_nearly_right_is_guessed(line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.call(line) == 2
    assert words in capsys.readouterr().err


def test_help_has_headings_examples_and_durations(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.call(["help", "rehearse"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"─ {heading} ─") for heading in ORDER]
    assert places == sorted(places)
    assert text.index("redis-rehearsal rehearse --strategy replicate") < text.index("Usage:")
    flat = " ".join(text.replace("│", " ").split())
    assert "--baseline DURATION" in flat
    assert "[default: 15s]" in flat
    assert "[default: 250ms]" in flat
    assert "default: None" not in flat
    assert app.call(["rehearse", "--help"]) == 0
    assert capsys.readouterr().out == text
    for arguments in (["help"], ["help", "status"], ["status", "--help"]):
        assert app.call(arguments) == 0
        assert "--config PATH" in capsys.readouterr().out
    assert app.call(["help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_complete(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is put into what the user's shell reads when it starts.
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "completion"
    assert app.call(["--install-completion", "--shell", shell, "--output", str(script)]) == 0
    text = script.read_text()
    assert "rehearse" in text
    # What each command takes, too.
    assert text.count("-l config" if shell == "fish" else "--config") > 10
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("report --junit", "a path"),
        ("report --report", "a path"),
        ("run --report", "a path"),
        ("report --format", "one of text, markdown, html, json"),
        ("report --run-dir", "a directory"),
        ("rehearse --strategy copy --junit", "a path"),
        ("rehearse --strategy", "one of cold, replicate"),
        ("compare a b --rounds", "a whole number"),
        ("switch --to", "source"),
    ],
)
def test_a_flag_without_its_value_says_what_it_may_be(
    arguments: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.call(arguments.split()) == 2
    said = capsys.readouterr().err
    assert f"{arguments.split()[-1]} needs a value: {what}" in said
    assert "did you mean" not in said
    assert "is not a flag" not in said


@pytest.mark.parametrize("command", ["rehearse", "migrate"])
def test_the_help_says_that_there_are_scenarios(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.call(["help", command]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--config FILE" in text
    assert "redis-rehearsal init" in text


def test_a_command_has_its_own_options_only(capsys: pytest.CaptureFixture[str]) -> None:
    for command, own, others in (
        ("clean", {"--redis-url", "--database-url", "--key-prefix"}, {"--events-per-second", "--workers", "--run-dir"}),
        ("preflight", {"--redis-url", "--redis-pool-size", "--strategy"}, {"--events-per-second", "--database-url"}),
    ):
        assert app.call(["help", command]) == 0
        text = capsys.readouterr().out
        assert all(f"{flag} " in text for flag in own)
        assert not any(f"{flag} " in text for flag in others)
        for flag in others:
            assert app.call([command, flag, "3"]) == 2
            assert "is not a flag of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"), [(KeyError("geheim"), "it ended by KeyError"), (BrokenError("Gone."), "Gone.")]
)
def test_what_broke_off_does_not_pass_in_ci(error: Exception, words: str, tmp_path: Path) -> None:
    junit = tmp_path / "verdict.xml"

    def break_off() -> None:
        with HandingOn.of(junit, "cold") as handing_on:
            handing_on.strategy = "copy"
            raise error

    with pytest.raises(type(error)):
        break_off()
    (suite,) = JUnitXml.fromfile(str(junit))
    assert (suite.name, suite.tests, suite.errors) == ("copy", 1, 1)
    assert words in junit.read_text()
    assert "geheim" not in junit.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rehearse", "--strategy", "copi"], "--strategy is &apos;copi&apos;"),
        (["rehearse", "--strategy", "copy", "--no-such-flag"], "is not a flag"),
        (["rehearse", "--strategy", "copy", "--duration", "5s"], "DURATION is for"),
        (["rehearse", "--strategy", "copy", "--report", "file/below"], "cannot be made"),
        (["rehearse", "--config", "missing.toml"], "cannot be read"),
        (["migrate", "--strategy", "copy", "--bind-address", "127.0.0.1:1"], "127.0.0.1:1"),
    ],
)
def test_what_was_refused_does_not_pass_in_ci(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    junit = tmp_path / "verdict.xml"
    junit.write_text("of yesterday")
    os.utime(junit, (1, 1))
    assert call([*arguments, "--junit", str(junit)]) == 2
    (suite,) = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.errors) == (1, 1)
    assert words.replace("&apos;", "'") in junit.read_text().replace("&apos;", "'").replace("&#39;", "'")


def test_what_another_run_left_does_not_stand_beside_a_copy(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "left").mkdir()
    for name in ("report.html", "report.md", "report.txt", "timeline.csv", "of somebody else"):
        (tmp_path / "left" / name).write_text("of another run")
    copy_documents(tmp_path / "run", {"schema_version": 1}, tmp_path / "left")
    # There was no document of a run yet: they may be anybody's.
    assert len(list((tmp_path / "left").iterdir())) == 6
    (tmp_path / "run" / "timeline.csv").write_text("second\n")
    copy_documents(tmp_path / "run", {"schema_version": 1}, tmp_path / "left")
    assert {path.name for path in (tmp_path / "left").iterdir()} == {"run.json", "timeline.csv", "of somebody else"}
    assert (tmp_path / "left" / "timeline.csv").read_text() == "second\n"
    copy_documents(tmp_path / "left", {"schema_version": 1}, tmp_path / "left")
    assert (tmp_path / "left" / "timeline.csv").read_text() == "second\n"


@pytest.mark.parametrize("command", ["init", "run --config", "report", "view", "rehearse --strategy cold --junit"])
def test_a_url_in_the_place_of_a_path_shows_no_password(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "redis:" / "user:an@geheim@127.0.0.1:1" / "0").mkdir(parents=True)
    assert call([*command.split(), "redis://user:an@geheim@127.0.0.1:1/0"]) == 2
    said = capsys.readouterr()
    assert "geheim" not in said.err + said.out
