import json
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cli.app import call
from redis_rehearsal.document.run import SCHEMA_VERSION
from redis_rehearsal.report.html import render_html, render_html_side_by_side
from redis_rehearsal.report.migration_markdown import render_markdown
from redis_rehearsal.report.migration_text import render_side_by_side, render_text
from redis_rehearsal.report.run_data import RunData
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text(json.dumps(document("fail", lost="failed")))
    return tmp_path


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence with which a document is refused."""
    assert call(["report", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_a_saved_run_is_shown_in_every_format(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = document("fail", lost="failed")
    for arguments, expected in (
        ([], render_text(whole(made))),
        (["--format", "text"], render_text(whole(made))),
        (["--format", "markdown"], render_markdown(whole(made))),
    ):
        assert call(["report", str(run_directory), *arguments]) == 0
        assert capsys.readouterr().out == expected
    assert call(["report", str(run_directory), "--format=json"]) == 0
    assert json.loads(capsys.readouterr().out) == made


def test_a_saved_run_becomes_one_page(run_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_directory / "timeline.csv").write_text("second,at,queries_ok\n0,1795428000.5,7\n1,1795428001.5,\n")
    made = document("fail", lost="failed")
    seconds: list[dict[str, object]] = [
        {"second": 0, "at": 1795428000.5, "queries_ok": 7},
        {"second": 1, "at": 1795428001.5, "queries_ok": None},
    ]
    for path in (run_directory, run_directory / "run.json"):
        assert call(["report", str(path), "--format", "html"]) == 0
        assert capsys.readouterr().out == render_html(whole(made), seconds)
    page = tmp_path / "page.html"
    assert call(["report", str(run_directory), str(run_directory), "--format", "html", "--output", str(page)]) == 0
    assert capsys.readouterr().out == ""
    assert page.read_text() == render_html_side_by_side([RunData(whole(made), seconds)] * 2)
    assert call(["report", str(run_directory), "--output", str(tmp_path / "nowhere" / "page")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_file_itself_will_do(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(run_directory / "run.json")]) == 0
    assert "Verdict: FAIL" in capsys.readouterr().out


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no" in refused(tmp_path / "nowhere", capsys)
    assert "holds no run.json" in refused(tmp_path, capsys)
    # A URL in the place of a directory may hold a password.
    assert "geheim" not in refused(Path("redis://user:geheim@127.0.0.1:1/0"), capsys)


@pytest.mark.parametrize("content", [b"", b'{"schema_version": 1', b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_not_json_is_said_in_a_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_bytes(content)
    assert "is not JSON" in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [([1], "is not the document"), ({"schema_version": SCHEMA_VERSION + 1}, f"newer than {SCHEMA_VERSION}")],
)
def test_other_documents_are_refused(
    content: Any, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert sentence in refused(tmp_path, capsys)


@pytest.mark.parametrize("content", [{}, {"migration": {"steps": 7}, "phases": {}, "verdict": {"criteria": [3]}}])
def test_a_damaged_document_is_shown_as_far_as_it_goes(
    content: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text(json.dumps(content))
    for output_format in ("text", "markdown", "html", "json"):
        assert call(["report", str(tmp_path), "--format", output_format]) == 0
        assert capsys.readouterr().out


def test_without_a_path_it_is_about_the_latest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "runs"))
    assert call(["report"]) == 2
    assert "No run has left its document" in capsys.readouterr().err
    for name, strategy in (("2026-11-27T02-00-00Z", "copy"), ("2026-11-27T01-00-00Z", "cold")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        content = {"migration": {"strategy": strategy}}
        (tmp_path / "runs" / name / "run.json").write_text(json.dumps(content))
    # One that has not ended has no document.
    (tmp_path / "runs" / "2026-11-27T03-00-00Z").mkdir()
    assert call(["report"]) == 0
    assert "Rehearsal of copy" in capsys.readouterr().out


def test_wrong_usage_is_refused(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(run_directory), "--format", "pdf"]) == 2
    assert capsys.readouterr().out == ""


def test_a_text_is_as_wide_as_the_terminal_and_in_a_file_as_ever(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, file = document("fail", lost="failed"), tmp_path / "report.txt"
    for width in (60, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        assert call(["report", str(run_directory)]) == 0
        assert capsys.readouterr().out == render_text(whole(made), width)
        assert call(["report", str(run_directory), "--output", str(file)]) == 0
        assert file.read_text() == render_text(whole(made))
        assert call(["report", str(run_directory), str(run_directory)]) == 0
        assert capsys.readouterr().out == render_side_by_side([whole(each) for each in [made] * 2], width)


def test_a_report_is_left_in_a_directory(run_directory: Path, tmp_path: Path) -> None:
    made, left, several = document("fail", lost="failed"), tmp_path / "left", tmp_path / "several" / "of them"
    (run_directory / "timeline.csv").write_text("second,at,queries_ok\n0,1795428000.5,7\n")
    assert call(["report", str(run_directory), "--report", str(left)]) == 0
    assert {path.name for path in left.iterdir()} == {
        *("run.json", "timeline.csv", "report.html", "report.md", "report.txt"),
    }
    assert json.loads((left / "run.json").read_text()) == made
    assert (left / "report.md").read_text() == render_markdown(whole(made))
    # It may be its own.
    assert call(["report", str(left / "run.json"), "--report", str(left)]) == 0
    assert call(["report", str(left), str(run_directory), "--report", str(several)]) == 0
    assert {path.name for path in several.iterdir()} == {
        *("report.html", "report.md", "1-left", f"2-{run_directory.name}"),
    }
    assert (several / "1-left" / "report.txt").read_text() == render_text(whole(made))
    (tmp_path / "file").write_text("")
    assert call(["report", str(left), "--report", str(tmp_path / "file")]) == 2
