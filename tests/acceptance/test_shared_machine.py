"""Other users of the machine: what they reach of a run, and what they find of its secrets."""

import json
import os
import re
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
import redis

from redis_rehearsal.embedded.directory import common_place
from tests.support import SMALL, Command, command, elsewhere, run_to_the_end, urls_of, wait_for, working_in

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


def answer_of(url: str, *, method: str = "GET", **headers: str) -> int:
    """The status with which a call is answered."""
    body = b'{"events_per_second": 7}' if method == "PATCH" else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 # our own server
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_who_has_not_the_token_of_a_run_changes_nothing(tmp_path: Path, open_place: Path) -> None:
    with command(tmp_path, "run", "--load", "low", "--json", **SMALL, TMPDIR=str(open_place)) as run:
        run.until_running()
        before = json.loads(run.get("/control")[1])
        # As any user of the machine may.
        assert answer_of(f"{run.address}/control", method="PATCH") == 401
        assert answer_of(f"{run.address}/api/migrations", method="POST") == 401
        assert json.loads(run.get("/control")[1]) == before
        token = unquote(run.link.partition("/#token=")[2])
        assert len(token) == 32
        (file,) = (open_place / common_place().name / "instances").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        # The user of the run needs not know it.
        (tmp_path / "asked").mkdir()
        address = run.address.removeprefix("http://")
        done = run_to_the_end(
            tmp_path / "asked", "set", "--events-per-second", "9", BIND_ADDRESS=address, TMPDIR=str(open_place)
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(run.get("/control")[1])["events_per_second"] == 9
        assert answer_of(f"{run.address}/control", method="PATCH", Authorization=f"Bearer {token}") == 200
        shown = "".join(
            run.get(path)[1] for path in ("/health", "/stats", "/metrics", "/api/status", "/report.html", "/")
        )
        lines = "".join(" ".join(process.cmdline()) for process in (psutil.Process(run.process.pid), *run.children()))
        run.interrupt()
        assert run.wait() == 0
    assert not file.exists()
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "runs").rglob("*") if path.is_file())
    # Not on stderr either, which is no terminal here.
    assert token not in shown + lines + kept + run.stdout + run.stderr


def test_the_terminal_of_a_run_shows_its_link(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    environment = {
        "BIND_ADDRESS": "127.0.0.1:0",
        "RUN_DIR": str(tmp_path / "runs"),
        "PATH": os.environ["PATH"],
        **SMALL,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "redis_rehearsal", "run", "--load", "low"], stderr=theirs, env=environment, cwd=tmp_path
    ) as run:
        os.close(theirs)
        shown = ""

        def link() -> str:
            nonlocal shown
            shown += os.read(ours, 65_536).decode(errors="replace")
            found = re.search(r"(http://127\.0\.0\.1:[0-9]+)/#token=([A-Za-z0-9_-]{32})\s", shown)
            return f"{found[1]} {found[2]}" if found else ""

        try:
            address, token = wait_for(link, "a link").split()
            assert answer_of(f"{address}/control", method="PATCH", Authorization="Bearer wrong") == 401
            # It is the right one: what is refused now is that there is no load yet, or nothing.
            assert answer_of(f"{address}/control", method="PATCH", Authorization=f"Bearer {token}") in (200, 409)
        finally:
            run.terminate()
            os.close(ours)
            assert run.wait(60) is not None
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "runs").rglob("*") if path.is_file())
    assert token not in kept


def test_from_another_address_metrics_are_open_and_nothing_else(tmp_path: Path) -> None:
    address = elsewhere()
    with command(tmp_path, "run", "--load", "low", **SMALL, BIND_ADDRESS="0.0.0.0:0") as run:
        run.until_running()
        assert "BIND_ADDRESS 0.0.0.0 is open to other machines" in run.stderr
        place = f"http://{address}:{run.address.rpartition(':')[2]}"
        for path in ("/health", "/metrics", "/page/page.js"):
            assert answer_of(place + path, Host="app:3000") == 200
        for path in ("/stats", "/control", "/api/events", "/api/timeline", "/report.html", "/ledger"):
            assert answer_of(place + path, Host="localhost") == 401
        known = {"Authorization": f"Bearer {unquote(run.link.partition('/#token=')[2])}"}
        assert answer_of(f"{place}/stats", Host="app:3000", **known) == 200
        # Commands find the token of a run that listens everywhere, too.
        (tmp_path / "asked").mkdir()
        port = run.address.rpartition(":")[2]
        done = run_to_the_end(tmp_path / "asked", "status", BIND_ADDRESS=f"0.0.0.0:{port}")
        assert done.returncode == 0, done.stderr
