import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer
from tests.support import SMALL

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

# Answers as Docker does, as far as stack.sh asks it, and keeps what it was asked: there is no engine where tests run.
_FAKE_DOCKER = """#!/usr/bin/env bash
state=$(dirname "$0")/../state
printf '%s' "docker" >> "$state/calls"
printf ' %s' "$@" >> "$state/calls"
printf ' [LOAD=%s token=%s]\\n' "${LOAD-unset}" "${CONTROL_TOKEN-unset}" >> "$state/calls"
case "$1" in
    version) if [ -e "$state/no-engine" ]; then echo "Cannot connect to the Docker daemon" >&2; exit 1; fi ;;
    ps)
        case "$*" in
            *--all*) [ ! -e "$state/exists" ] || echo c0ffee ;;
            *) [ ! -e "$state/running" ] || echo c0ffee ;;
        esac ;;
    volume | image) [ ! -e "$state/exists" ] || echo f00d ;;
    exec) echo "the container says: ${*:3}" ;;
    cp)
        if [ -e "$state/no-copy" ]; then exit 1; fi
        mkdir -p "$3/20261123T000000Z"
        touch "$3/20261123T000000Z/run.json" ;;
    compose)
        case " $* " in
            " compose version ") if [ -e "$state/no-compose" ]; then exit 1; fi ;;
            *" up "*) if [ -e "$state/no-start" ]; then exit 1; fi; touch "$state/running" "$state/exists" ;;
            *" stop "*) rm -f "$state/running" ;;
            *" down "*) rm -f "$state/exists" ;;
            *" logs "*) echo "a line of a log" ;;
        esac ;;
esac
"""


class Checkout:
    """A copy of what make and the stack are made of, with a Docker whose engine is a record of what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "fake" / "state"
        self.state.mkdir(parents=True)
        (directory / "fake" / "bin").mkdir()
        self.docker = directory / "fake" / "bin" / "docker"
        self.docker.write_text(_FAKE_DOCKER)
        self.docker.chmod(0o755)
        (directory / "deploy").mkdir()
        for name in ("Makefile", "deploy/stack.sh", "deploy/compose.yaml", "deploy/compose.dev.yaml"):
            shutil.copy(ROOT / name, directory / name)
        self.env_file = directory / "deploy" / ".env"

    def install(self) -> None:
        """What `make install` leaves, by way of the Python that runs the tests."""
        program = self.directory / ".venv" / "bin" / "redis-rehearsal"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m redis_rehearsal "$@"\n')
        program.chmod(0o755)
        (self.directory / ".venv" / "installed").touch()
        for name in ("requirements.txt", "pyproject.toml"):
            (self.directory / name).touch()
            os.utime(self.directory / name, (0, 0))

    def set(self, *names: str) -> None:
        for name in names:
            (self.state / name).touch()

    @property
    def calls(self) -> list[str]:
        """What Docker was asked to do, apart from looking."""
        path = self.state / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        looks = ("docker version", "docker ps", "docker volume ls", "docker image ls", "docker compose version")
        return [line for line in lines if not line.startswith(looks)]

    def make(
        self, target: str, *arguments: str, path: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
        found = f"{self.docker.parent}:{os.environ['PATH']}" if path is None else path
        return subprocess.run(
            ["make", target, *arguments],  # noqa: S607 # the user's
            cwd=self.directory,
            env={**kept, "PATH": found, **variables},
            capture_output=True,
            text=True,
            timeout=90,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def given(source: RedisServer, make_server: MakeServer, postgres: PostgresServer) -> dict[str, str]:
    """Settings of a small run on servers that are not its own."""
    return {
        **SMALL,
        "REDIS_URL": source.url,
        "TARGET_REDIS_URL": make_server(name="valkey-9.1").url,
        "DATABASE_URL": postgres.url,
        "RESET": "true",
        "LOAD": "low",
    }


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    return loaded
