"""Other users of the machine: what they reach of a run, and what they find of its secrets."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
import redis

from redis_rehearsal.embedded.directory import common_place
from tests.support import SMALL, Command, command, run_to_the_end, urls_of, working_in

NOBODY = 65_534


def ports_of(run: Command) -> list[int]:
    health = json.loads(run.get("/health")[1])
    addresses = [health["servers"][role]["address"] for role in ("source", "target")]
    assert all(re.fullmatch(r"redis://127\.0\.0\.1:[0-9]+/0", address) for address in addresses)
    return [int(address.removesuffix("/0").rpartition(":")[2]) for address in addresses]


def test_embedded_servers_are_for_the_user_of_the_run_alone(tmp_path: Path, open_place: Path) -> None:
    settings = {**SMALL, "TMPDIR": str(open_place)}
    with command(tmp_path, "run", "--load", "low", "--json", **settings) as run:
        run.until_running()
        for port in ports_of(run):
            with redis.Redis(port=port, protocol=2) as stranger:
                for attempt in (("PING",), ("CONFIG", "SET", "dir", "/"), ("SAVE",), ("MODULE", "LOAD", "/x.so")):
                    with pytest.raises(redis.AuthenticationError):
                        stranger.execute_command(*attempt)
        urls = urls_of(open_place, run)
        assert urls.keys() == {"source", "target"}
        for url in urls.values():
            with redis.Redis.from_url(url, protocol=2) as user:
                assert user.ping()
                # What could run programs as the user of the run is closed to who has the password, too.
                for attempt in (("MODULE", "LOAD", "/x.so"), ("DEBUG", "SLEEP", "0")):
                    with pytest.raises(redis.ResponseError, match=r"not allowed|unknown command"):
                        user.execute_command(*attempt)
        address = run.address.removeprefix("http://")
        words = ("compare", "source", "target", "--rounds", "1", "--bind-address", address)
        compared = run_to_the_end(open_place / "asked", *words, TMPDIR=str(open_place))
        assert compared.returncode == 1, compared.stderr  # the target is empty yet
        looked = run_to_the_end(
            open_place / "asked", "preflight", "source", "target", BIND_ADDRESS=address, TMPDIR=str(open_place)
        )
        assert "source" in looked.stdout
        seen = "".join(run.get(path)[1] for path in ("/health", "/stats", "/metrics", "/ledger", "/api/status", "/"))
        secrets = [unquote(urlsplit(url).password or "") for url in urls.values()]
        lines = [
            " ".join(process.cmdline())
            for process in (psutil.Process(run.process.pid), *run.children(), *working_in(open_place))
        ]
        place = open_place / common_place().name
        if os.geteuid() == 0:
            assert "Permission denied" in listed_by_nobody(place)
            assert listed_by_nobody(open_place) == ""
        assert all(stat.S_IMODE(each.stat().st_mode) == 0o700 for each in place.rglob("*") if each.is_dir())
        run.interrupt()
        assert run.wait() == 0
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "runs").rglob("*") if path.is_file())
    for secret in secrets:
        assert len(secret) >= 32
        assert secret not in seen + kept + run.stdout + run.stderr + "".join(lines)
    (directory,) = (tmp_path / "runs").iterdir()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [path for path in place.rglob("*") if not path.is_dir()] == []


def listed_by_nobody(place: Path) -> str:
    """What another user is told who looks into a directory."""
    return subprocess.run(
        ["/bin/ls", str(place)], capture_output=True, text=True, check=False, user=NOBODY, group=NOBODY, env={}
    ).stderr


def test_only_the_user_of_a_run_is_told_its_urls(tmp_path: Path) -> None:
    refused = run_to_the_end(tmp_path, "status", "--urls", BIND_ADDRESS="127.0.0.1:1", TMPDIR=str(tmp_path))
    assert refused.returncode == 2
    assert "No run of yours on this machine listens at BIND_ADDRESS 127.0.0.1:1." in refused.stderr
    for words in (("compare", "source", "target"), ("preflight", "source", "target")):
        result = run_to_the_end(tmp_path, *words, BIND_ADDRESS="127.0.0.1:1", TMPDIR=str(tmp_path))
        assert (result.returncode, result.stdout) == (2, "")
        assert "No run of yours" in result.stderr
