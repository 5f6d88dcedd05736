"""`make up` and what belongs to it, against a Docker whose engine only records what it is asked."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from redis_rehearsal.workload.presets import PRESETS
from tests.deploy.conftest import ROOT, Checkout
from tests.support import command

_COMPOSE = "docker compose --project-name redis-rehearsal --env-file deploy/.env --file deploy/compose.yaml"


def test_up_makes_what_is_secret_and_starts_the_stack(checkout: Checkout) -> None:
    done = checkout.make("up", LOAD="high")
    assert done.returncode == 0, done.stderr
    assert checkout.calls == [f"{_COMPOSE} up --detach --build --wait --wait-timeout 420 [LOAD=high token=unset]"]
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600
    secrets = dict(line.split("=") for line in checkout.env_file.read_text().splitlines() if not line.startswith("#"))
    assert list(secrets) == ["CONTROL_TOKEN", "SOURCE_PASSWORD", "TARGET_PASSWORD", "POSTGRES_PASSWORD"]
    assert len(set(secrets.values())) == 4
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in secrets.values())
    # Where the token is and how to see it, and not the token itself.
    assert "make token" in done.stderr
    assert secrets["CONTROL_TOKEN"] not in done.stdout + done.stderr
    assert checkout.make("token").stdout == f"{secrets['CONTROL_TOKEN']}\n"
    for url in ("http://localhost:3000", "http://localhost:9090", "http://localhost:3001"):
        assert url in done.stderr


def test_what_is_secret_is_kept(checkout: Checkout) -> None:
    assert checkout.make("up").returncode == 0
    before = checkout.env_file.read_text()
    assert checkout.make("up").returncode == 0
    assert checkout.env_file.read_text() == before


def test_a_token_that_is_given_is_used(checkout: Checkout) -> None:
    assert checkout.make("up").returncode == 0
    passwords = checkout.env_file.read_text().splitlines()[2:]
    assert checkout.make("up", CONTROL_TOKEN="my-own-token").returncode == 0
    assert checkout.env_file.read_text().splitlines()[1:] == ["CONTROL_TOKEN=my-own-token", *passwords]
    assert all("token=unset" in call for call in checkout.calls), "Compose would prefer the shell's to the file's"


@pytest.mark.parametrize("token", ["short", "with a space", "quote'quote"])
def test_a_token_that_will_not_do_is_refused(checkout: Checkout, token: str) -> None:
    done = checkout.make("up", CONTROL_TOKEN=token)
    assert done.returncode != 0
    assert "CONTROL_TOKEN must be" in done.stderr
    assert token not in done.stderr
    assert not checkout.calls


def test_every_preset_is_a_load_of_the_stack(checkout: Checkout) -> None:
    for load in PRESETS:
        assert checkout.make("up", f"LOAD={load}").returncode == 0
    assert [re.findall("LOAD=([a-z]+)", call)[0] for call in checkout.calls] == list(PRESETS)


def test_a_load_that_there_is_not_is_refused(checkout: Checkout) -> None:
    done = checkout.make("up", LOAD="extreme")
    assert done.returncode != 0
    assert all(name in done.stderr for name in ("'extreme'", *PRESETS))
    assert not checkout.calls
    assert checkout.make("up", LOAD="").returncode == 0
    assert "LOAD=unset" in checkout.calls[0]


@pytest.mark.parametrize(
    ("missing", "words"),
    [("no-engine", "the Docker engine does not answer (Cannot connect"), ("no-compose", "no Compose plugin")],
)
@pytest.mark.parametrize("target", ["up", "build", "down", "dev", "logs-all", "grafana"])
def test_without_docker_it_says_so_and_points_to_make_run(
    checkout: Checkout, target: str, missing: str, words: str
) -> None:
    checkout.install()
    checkout.set(missing)
    done = checkout.make(target)
    assert done.returncode != 0
    assert words in done.stderr
    assert "make run" in done.stderr
    assert not checkout.calls
    assert not checkout.env_file.exists()


def test_without_a_docker_client_it_says_so(checkout: Checkout, tmp_path: Path) -> None:
    # A PATH with everything that make and the script need, and no docker.
    place = tmp_path / "path"
    place.mkdir()
    for name in ("make", "sh", "bash", "env", "dirname", "sed", "tail", "rm", "find", "uname"):
        (place / name).symlink_to(shutil.which(name) or name)
    done = checkout.make("up", path=str(place))
    assert done.returncode != 0
    assert "Docker is not installed here" in done.stderr
    assert "make run" in done.stderr
    asked = checkout.make("health", path=str(place))
    assert asked.returncode != 0
    assert "make run or make up" in asked.stderr


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no Docker client here")
def test_the_real_client_without_an_engine(checkout: Checkout) -> None:
    checkout.docker.unlink()
    done = checkout.make("up", DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert done.returncode != 0
    assert "the Docker engine does not answer" in done.stderr
    assert "make run" in done.stderr


def test_a_start_that_fails_says_where_to_look(checkout: Checkout) -> None:
    checkout.set("no-start")
    done = checkout.make("up")
    assert done.returncode != 0
    assert "make logs-all" in done.stderr
    assert "http://localhost:3000" not in done.stderr


@pytest.mark.parametrize("target", ["down", "stop"])
def test_the_stack_is_ended_in_order_and_keeps_volumes_and_documents(checkout: Checkout, target: str) -> None:
    assert checkout.make("up").returncode == 0
    done = checkout.make(target)
    assert done.returncode == 0, done.stderr
    asked = [call.partition(" [")[0] for call in checkout.calls[1:]]
    assert asked == [f"{_COMPOSE} stop", "docker cp c0ffee:/runs/. runs/", f"{_COMPOSE} down --remove-orphans"]
    assert (checkout.directory / "runs" / "20261123T000000Z" / "run.json").exists()
    assert checkout.env_file.exists()
    assert "stack" in done.stderr


def test_down_without_a_stack_ends_nothing(checkout: Checkout) -> None:
    done = checkout.make("down")
    assert done.returncode == 0
    assert "nothing to end" in done.stderr
    assert not checkout.calls


def test_it_says_that_it_is_about_the_stack(checkout: Checkout) -> None:
    checkout.set("running", "exists")
    for target in ("health", "metrics", "stats"):
        done = checkout.make(target)
        assert done.returncode == 0, done.stderr
        # What is asked for alone is on stdout, so that it can be piped.
        assert done.stdout == f"the container says: redis-rehearsal {target} --bind-address 127.0.0.1:3000\n"
        assert "The Docker Compose stack is running" in done.stderr
    assert checkout.make("logs").stdout == "a line of a log\n"
    assert checkout.make("logs-all", "ARGS=--follow").stdout == "a line of a log\n"
    asked = [call.partition(" [")[0] for call in checkout.calls]
    assert asked[-2:] == [f"{_COMPOSE} logs --no-log-prefix app", f"{_COMPOSE} logs --follow"]


def test_it_says_that_it_is_about_the_run(checkout: Checkout, tmp_path: Path, given: dict[str, str]) -> None:
    checkout.install()
    with command(tmp_path, "run", **given) as run:
        run.until_running()
        address = run.address.removeprefix("http://")
        for target, says in (("health", '"status":"ok"'), ("logs", "load begins")):
            done = checkout.make(target, BIND_ADDRESS=address)
            assert done.returncode == 0, done.stderr
            assert says in done.stdout.replace('": ', '":')
            assert f"This is about the run on this machine, at {address}" in done.stderr
        done = checkout.make("stop", f"BIND_ADDRESS={address}")
        assert done.returncode == 0, done.stderr
        assert "has ended" in done.stdout
        assert run.wait() == 0
    assert not checkout.calls


def test_servers_of_the_stack_without_its_application_are_told_of(checkout: Checkout) -> None:
    checkout.set("exists", "servers")
    done = checkout.make("health")
    assert done.returncode != 0
    assert "servers are running without its application: make logs-all" in done.stderr


def test_dev_starts_the_servers_only(checkout: Checkout) -> None:
    checkout.install()
    program = checkout.directory / ".venv" / "bin" / "redis-rehearsal"
    program.write_text('#!/bin/sh\necho "$@"; env\n')
    done = checkout.make("dev", "ARGS=--duration 1s")
    assert done.returncode == 0, done.stderr
    (up,) = checkout.calls
    services = up.partition(" [")[0].partition("--wait-timeout 420 ")[2].split()
    assert f"{_COMPOSE} --file deploy/compose.dev.yaml up" in up
    assert "source" in services
    assert "app" not in services
    lines = done.stdout.splitlines()
    assert lines[0] == "run --duration 1s"
    passwords = dict(line.split("=") for line in checkout.env_file.read_text().splitlines()[1:])
    for line in (
        f"REDIS_URL=redis://:{passwords['SOURCE_PASSWORD']}@127.0.0.1:16379/0",
        f"TARGET_REDIS_URL=redis://:{passwords['TARGET_PASSWORD']}@127.0.0.1:16380/0",
        f"DATABASE_URL=postgresql://rehearsal:{passwords['POSTGRES_PASSWORD']}@127.0.0.1:15432/rehearsal",
        f"CONTROL_TOKEN={passwords['CONTROL_TOKEN']}",
    ):
        assert line in lines


def test_clean_removes_the_stack_with_volumes_images_and_secrets(checkout: Checkout) -> None:
    assert checkout.make("up").returncode == 0
    done = checkout.make("clean")
    assert done.returncode == 0, done.stderr
    asked = [call.partition(" [")[0] for call in checkout.calls[1:]]
    assert asked == [
        f"{_COMPOSE} stop",
        "docker cp c0ffee:/runs/. runs/",
        f"{_COMPOSE} down --volumes --rmi local --remove-orphans",
    ]
    assert (checkout.directory / "runs" / "20261123T000000Z" / "run.json").exists()
    assert not checkout.env_file.exists()
    assert checkout.make("clean").returncode == 0
    assert len(checkout.calls) == 4, "there is nothing left to remove"


def test_clean_removes_nothing_where_documents_would_be_lost(checkout: Checkout) -> None:
    checkout.set("exists", "no-copy")
    done = checkout.make("clean")
    assert done.returncode != 0
    assert "Nothing was removed" in done.stderr
    assert not any(" down " in call for call in checkout.calls)


def test_clean_keeps_the_secrets_of_volumes_that_it_cannot_reach(checkout: Checkout) -> None:
    assert checkout.make("up").returncode == 0
    checkout.set("no-engine")
    done = checkout.make("clean")
    assert done.returncode == 0
    assert "was not looked for" in done.stderr
    assert checkout.env_file.exists()


def test_pages_of_the_stack_are_named(checkout: Checkout) -> None:
    done = checkout.make("grafana")
    assert done.returncode != 0
    assert "make up" in done.stderr
    checkout.set("running")
    assert checkout.make("grafana").stdout == "http://localhost:3001\n"
    assert checkout.make("prometheus").stdout == "http://localhost:9090\n"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean() -> None:
    done = subprocess.run(
        [shutil.which("shellcheck") or "", ROOT / "deploy" / "stack.sh"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
