"""The stack as far as it can be checked without an engine: schema, settings, ports, images, secrets."""

import json
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from redis_rehearsal.settings import Settings
from tests.deploy.conftest import DEPLOY, ROOT

FILES = (DEPLOY / "compose.yaml", DEPLOY / "compose.dev.yaml")
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?:(:[?-])([^}]*))?\}")
_SECRET = re.compile("PASS|TOKEN|SECRET|AUTH")


def has_plugin() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


def written_variables() -> list[str]:
    """Those that `make up` writes to deploy/.env."""
    found = re.search(r"SECRETS=\(([A-Z_ ]+)\)", (DEPLOY / "stack.sh").read_text())
    assert found
    return found[1].split()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_fits_the_schema_of_the_compose_specification(path: Path) -> None:
    schema = json.loads(
        resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    )
    assert schema["title"] == "Compose Specification"
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not has_plugin(), reason="the Docker client here has no Compose plugin")
@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=["stack", "dev"])
def test_compose_itself_reads_it(files: tuple[Path, ...], tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{name}=made-up\n" for name in written_variables()))
    arguments = [part for path in files for part in ("--file", str(path))]
    done = subprocess.run(
        ["docker", "compose", "--env-file", str(env_file), *arguments, "config", "--quiet"],  # noqa: S607 # the user's
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_variable_of_the_application_is_a_setting(compose: dict[str, Any]) -> None:
    environment = compose["services"]["app"]["environment"]
    assert {name.lower() for name in environment} <= set(Settings.model_fields)
    given = {
        name.lower(): _VARIABLE.sub(lambda match: match[3] if match[2] == ":-" else "made-up-value", value)
        for name, value in environment.items()
        if value is not None
    }
    settings = Settings.model_validate(given)
    assert settings.control_token is not None
    assert settings.bind_host == "0.0.0.0"  # noqa: S104 # of the container
    assert settings.bind_port == 3000
    assert settings.reset
    for variable, service in (("redis_url", "source"), ("target_redis_url", "target"), ("database_url", "postgres")):
        url = getattr(settings, variable).get_secret_value()
        assert f"made-up-value@{service}:" in url
        assert service in compose["services"]["app"]["depends_on"]


def test_every_other_variable_is_made_at_the_first_start() -> None:
    for path in FILES:
        required = {name for name, kind, _ in _VARIABLE.findall(path.read_text()) if kind != ":-"}
        assert required <= set(written_variables())
        if path == FILES[0]:
            assert required == set(written_variables())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_port_is_open_beyond_loopback(path: Path) -> None:
    services = YAML(typ="safe").load(path)["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:[0-9]+:[0-9]+", port) for port in ports)
    assert not any("network_mode" in service for service in services.values())


def test_ports_are_where_the_documentation_says(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "app": ["127.0.0.1:3000:3000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3001:3000"],
    }
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("postgres", "source", "target"):
        assert services[name]["networks"] == ["inside"]


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in compose["services"].items() if "image" in service}
    assert set(compose["services"]) - set(images) == {"app"}
    bases = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(bases)) == 1
    for image in (*images.values(), *bases):
        # PostgreSQL's versions have two numbers, all others three.
        numbers = 1 if image.startswith("postgres:") else 2
        assert re.fullmatch(rf"[a-z0-9_/-]+:v?[0-9]+(\.[0-9]+){{{numbers}}}(-[a-z0-9.-]+)?", image), image
    assert images["postgres"].startswith("postgres:18.")
    assert images["source"].startswith("redis:6.2.")
    assert images["target"].startswith("valkey/valkey:9.1.")


def test_no_secret_is_in_the_repository(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if _SECRET.search(variable) and variable != "GF_SECURITY_ADMIN_PASSWORD":
                assert _VARIABLE.fullmatch(value), f"{name}: {variable}"
        for url in re.findall(r"://\S*@", json.dumps(service.get("environment") or {})):
            assert "${" in url
    assert "deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()
    # Of this folder, which has the file of secrets, only what the package brings along gets near an image.
    taken = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!deploy")]
    assert taken == ["!deploy/grafana/dashboards", "!deploy/prometheus/rules.yml"]


def test_every_service_is_confined_and_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "mem_limit" in service, name
        assert "restart" in service, name
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert service.get("read_only") or name == "grafana", name
        for needed in service.get("depends_on", {}).values():
            assert needed == {"condition": "service_healthy"}, name


def test_the_application_has_time_to_end_and_a_place_for_its_documents(compose: dict[str, Any]) -> None:
    app = compose["services"]["app"]
    assert int(app["stop_grace_period"].removesuffix("s")) > 60
    assert f"runs:{app['environment']['RUN_DIR']}" in app["volumes"]
    assert app["init"] is True
    assert app["ulimits"]["nofile"] >= 10 * Settings.model_fields["redis_pool_size"].default
    used = {
        volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())
    }
    assert {volume for volume in used if not volume.startswith(".")} == set(compose["volumes"])


def test_what_is_mounted_is_there_and_prometheus_asks_services_of_the_stack(compose: dict[str, Any]) -> None:
    mounted = [
        DEPLOY / volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    ]
    if not any(path.exists() for path in mounted):
        pytest.skip("Prometheus and Grafana are not configured yet")
    assert all(path.is_dir() for path in mounted)
    configuration = YAML(typ="safe").load(DEPLOY / "prometheus" / "prometheus.yml")
    targets = [
        target
        for job in configuration["scrape_configs"]
        for group in job.get("static_configs", ())
        for target in group["targets"]
    ]
    assert "app:3000" in targets
    for target in targets:
        host = target.partition(":")[0]
        assert host in compose["services"] or host in ("localhost", "127.0.0.1"), target
