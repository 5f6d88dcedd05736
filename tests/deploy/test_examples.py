"""What docs/in-ci.md shows: the action, a workflow that uses it, and a pipeline for GitLab."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from redis_rehearsal.cli.app import make_app
from redis_rehearsal.migration.options import RehearsalOptions
from tests.deploy.conftest import DEPLOY, ROOT

ACTION = ROOT / "action.yml"
SCRIPT = DEPLOY / "action" / "rehearse.sh"
WORKFLOW = DEPLOY / "examples" / "github-actions.yml"
PIPELINE = DEPLOY / "examples" / "gitlab-ci.yml"
RECORDER = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$RECORD"
env >"$RECORD.environment"
exit "$CODE"
"""


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps() -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = read(ACTION)["runs"]["steps"]
    return {str(step.get("name") or step["uses"]): step for step in found}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", ACTION),
        ("vendor.github-workflows", WORKFLOW),
        ("custom.github-workflows-require-timeout", WORKFLOW),
        ("vendor.gitlab-ci", PIPELINE),
    ],
)
def test_each_fits_its_schema(schema: str, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed (a Go module)")
def test_actionlint_finds_nothing_wrong() -> None:
    program = str(shutil.which("actionlint"))
    done = subprocess.run([program, str(WORKFLOW)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_others_wrote_is_pinned_by_hash() -> None:
    used = [step["uses"] for job in read(WORKFLOW)["jobs"].values() for step in job["steps"] if "uses" in step]
    used += [step["uses"] for step in steps().values() if "uses" in step]
    assert len(used) == 4
    assert all(re.fullmatch(r"\./redis-rehearsal|[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)
    for text in (ACTION.read_text(), WORKFLOW.read_text()):
        assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in text.splitlines() if "@" in line)


def test_no_input_gets_into_a_shell() -> None:
    for name, step in steps().items():
        assert "${{" not in step.get("run", ""), name
        assert "continue-on-error" not in step
    assert "if" not in steps()["Rehearse"]
    (upload,) = (step for step in steps().values() if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "always()"


def recorded(tmp_path: Path, code: int = 0, **given: str) -> tuple[int, list[str], str]:
    """Exit code, command line and outputs of the action's script, which is given a program that only records."""
    program = tmp_path / "program"
    program.write_text(RECORDER)
    program.chmod(0o755)
    output = tmp_path / "output"
    environment = {"PATH": os.environ["PATH"], "RECORD": str(tmp_path / "record"), "CODE": str(code)}
    environment |= {"REHEARSAL_PROGRAM": str(program), "REHEARSAL_REPORT": "left", "GITHUB_OUTPUT": str(output)}
    done = subprocess.run([SCRIPT], env=environment | given, cwd=tmp_path, check=False)
    return done.returncode, (tmp_path / "record").read_text().splitlines(), output.read_text()


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "pass"), (1, "fail"), (3, "unknown"), (2, "unknown"), (70, "unknown")]
)
def test_the_script_ends_as_the_rehearsal_does_and_says_the_verdict(tmp_path: Path, code: int, verdict: str) -> None:
    ended, _, output = recorded(tmp_path, code, REHEARSAL_STRATEGY="copy")
    assert ended == code
    assert output == f"verdict={verdict}\nreport=left\n"


@pytest.mark.parametrize(
    ("given", "asked_for"),
    [
        ({"REHEARSAL_SOURCE": "", "REHEARSAL_TARGET": "redis://new", "REHEARSAL_DATABASE": ""}, "redis://new"),
        # Of the job, where nothing was given to the action.
        ({"REHEARSAL_SOURCE": "", "REHEARSAL_TARGET": "", "TARGET_REDIS_URL": "redis://job"}, "redis://job"),
        ({"REHEARSAL_TARGET": "redis://new", "TARGET_REDIS_URL": "redis://job"}, "redis://new"),
        ({"REHEARSAL_SOURCE": "", "REHEARSAL_TARGET": "", "REHEARSAL_DATABASE": ""}, ""),
    ],
)
def test_the_urls_that_were_given_come_first_and_then_those_of_the_job(
    tmp_path: Path, given: dict[str, str], asked_for: str
) -> None:
    recorded(tmp_path, 0, REHEARSAL_STRATEGY="copy", **given)
    lines = (tmp_path / "record.environment").read_text().splitlines()
    urls = [line for line in lines if "_URL=" in line or line.startswith(("REHEARSAL_SOURCE", "REHEARSAL_TARGET"))]
    assert urls == ([f"TARGET_REDIS_URL={asked_for}"] if asked_for else [])


def test_the_script_asks_for_what_the_workflow_gives(tmp_path: Path) -> None:
    (job,) = read(WORKFLOW)["jobs"].values()
    assert "continue-on-error" not in job
    (given,) = (step["with"] for step in job["steps"] if step.get("uses") == "./redis-rehearsal")
    assert given.keys() <= read(ACTION)["inputs"].keys()
    assert set(job["strategy"]["matrix"]["strategy"]) <= {"replicate", "copy"}
    flags, limits = given["flags"], given["limits"]
    _, asked, _ = recorded(tmp_path, REHEARSAL_STRATEGY="copy", REHEARSAL_FLAGS=flags, REHEARSAL_LIMITS=limits)
    bound = make_app().parse_args(asked, exit_on_error=False, print_error=False)[1].arguments
    options = bound["options"]
    assert isinstance(options, RehearsalOptions)
    assert (options.strategy, options.baseline, options.max_event_downtime) == ("copy", 20.0, 1.0)
    assert bound["settings"].load == "high"
    assert [str(bound[name]) for name in ("report", "junit")] == ["left", "left/junit.xml"]
    # What a report is written to is there.
    assert (tmp_path / "left").is_dir()


@pytest.mark.parametrize(
    ("given", "asked_for"),
    [
        ({"REHEARSAL_STRATEGY": "copy"}, ["--strategy", "copy", "--load=high"]),
        ({"REHEARSAL_STRATEGY": "copy", "REHEARSAL_LIMITS": "max-lost=1"}, ["--load=high", "--max-lost=1"]),
        ({"REHEARSAL_CONFIG": "a.toml"}, ["--config", "a.toml"]),
        ({"REHEARSAL_CONFIG": "a.toml", "REHEARSAL_LIMITS": "max-lost=1"}, ["--config", "a.toml", "--max-lost=1"]),
        ({"REHEARSAL_STRATEGY": "copy", "REHEARSAL_FLAGS": "--load=low"}, ["--strategy", "copy", "--load=low"]),
    ],
)
def test_a_scenario_is_not_overridden_by_what_was_not_given(
    tmp_path: Path, given: dict[str, str], asked_for: list[str]
) -> None:
    _, asked, _ = recorded(tmp_path, 0, **given)
    left = asked.index("--report")
    others = asked[1:left] + asked[left + 4 :]
    assert [each for each in others if each in asked_for] == asked_for
    assert set(others) - {"--strategy", "copy"} == set(asked_for) - {"--strategy", "copy"}


def test_nothing_that_is_given_is_run(tmp_path: Path) -> None:
    hostile = "copy; touch pwned $(touch pwned) `touch pwned`"
    flags = "  load=low  \n\n# a remark\n--command=./a b; touch pwned\nabort-if=$(touch pwned)"
    _, asked, _ = recorded(tmp_path, REHEARSAL_STRATEGY=hostile, REHEARSAL_FLAGS=flags, REHEARSAL_CONFIG="a b.toml")
    assert asked[1:3] == ["--strategy", hostile]
    assert asked[-5:] == [
        "--config",
        "a b.toml",
        "--load=low",
        "--command=./a b; touch pwned",
        "--abort-if=$(touch pwned)",
    ]
    assert not (tmp_path / "pwned").exists()


def test_the_pipeline_fails_as_the_rehearsal_does_and_keeps_its_report() -> None:
    job = read(PIPELINE)["rehearse"]
    assert "allow_failure" not in job
    command = shlex.split(job["script"][-1].replace("$STRATEGY", "copy"))
    # The last of the script, with nothing after it that would hide its exit code.
    assert command[:2] == ["redis-rehearsal/.venv/bin/redis-rehearsal", "rehearse"]
    assert not {"||", "|", ";", "&&"} & set(command)
    bound = make_app().parse_args(command[1:], exit_on_error=False, print_error=False)[1].arguments
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["paths"] == [f"{bound['report']}/"]
    assert job["artifacts"]["reports"]["junit"] == str(bound["junit"])


def test_the_page_shows_what_is_there() -> None:
    page = (ROOT / "docs" / "in-ci.md").read_text(encoding="utf-8")
    for name in read(ACTION)["inputs"]:
        assert f"| `{name}` |" in page, name
    shown = "\n".join(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    workflow = WORKFLOW.read_text()
    step = workflow[workflow.index("      - name: Rehearse\n") :]
    assert step in shown
