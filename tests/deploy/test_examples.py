"""The workflow that docs/in-ci.md shows."""

import re
import shlex
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from redis_rehearsal.cli.app import make_app
from redis_rehearsal.migration.options import RehearsalOptions
from tests.deploy.conftest import DEPLOY, ROOT

WORKFLOW = DEPLOY / "examples" / "github-actions.yml"


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_the_workflow_fits_its_schema(schema: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(WORKFLOW)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_a_failed_rehearsal_fails_the_build_and_leaves_its_report() -> None:
    (job,) = YAML(typ="safe").load(WORKFLOW)["jobs"].values()
    steps = {step.get("name") or step.get("uses") or step["run"]: step for step in job["steps"]}
    assert not any("continue-on-error" in step for step in (job, *steps.values()))
    command = shlex.split(steps["Rehearse"]["run"].replace("$STRATEGY", "copy"))
    # Nothing after it that would hide its exit code.
    assert command[:2] == [".venv/bin/redis-rehearsal", "rehearse"]
    assert not {"||", "|", ";", "&&"} & set(command)
    _, bound, ignored = make_app().parse_args(command[1:], exit_on_error=False, print_error=False)[:3]
    options = bound.arguments["options"]
    assert isinstance(options, RehearsalOptions)
    assert not ignored
    report = str(bound.arguments["report"])
    for name, step in steps.items():
        if f"{report}/" in step.get("run", "") + str(step.get("with", "")) and name != "Rehearse":
            assert step["if"] == "always()", name
    assert "GITHUB_STEP_SUMMARY" in steps["Show the report"]["run"]
    assert set(job["strategy"]["matrix"]["strategy"]) <= {"replicate", "copy"}


def test_the_page_shows_what_the_workflow_runs() -> None:
    page = (ROOT / "docs" / "in-ci.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^\.venv/bin/redis-rehearsal rehearse --strategy copy .*$", page, re.MULTILINE)
    (job,) = YAML(typ="safe").load(WORKFLOW)["jobs"].values()
    (ran,) = [step["run"] for step in job["steps"] if step.get("name") == "Rehearse"]
    assert shlex.split(shown) == shlex.split(ran.replace("$STRATEGY", "copy"))
