"""What tests of more than one command that rehearses need."""

import json
from typing import Any

import redis

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.support import Command, adds_up, wait_for

QUICK = ("--baseline", "4s", "--observe", "5s", "--max-recovery", "20s", "--allow-server-wide")
EXIT_CODES = {"pass": 0, "fail": 1, "unknown": 3}


def outside(server: RedisServer) -> Any:
    return redis.Redis(port=server.port, protocol=2)


def in_phase(run: Command, phase: str) -> bool:
    assert run.process.poll() is None, run.stderr
    return "load begins" in run.stderr and bool(json.loads(run.get("/api/status")[1])["phase"] == phase)


def until_phase(run: Command, phase: str) -> None:
    wait_for(lambda: in_phase(run, phase), f"the phase {phase}", 60)


def judged(run: Command, timeout_seconds: float = 90) -> dict[str, Any]:
    """The document of a rehearsal that has ended, which its exit code must agree with."""
    code = run.wait(timeout_seconds)
    document = run.stats_left()
    assert document["verdict"] is not None, run.stderr
    assert code == EXIT_CODES[document["verdict"]["status"]], run.stderr
    for counts in document["totals"].values():
        assert adds_up(counts)
    return document


def criteria(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {criterion["name"]: criterion for criterion in document["verdict"]["criteria"]}


def failed(document: dict[str, Any]) -> set[str]:
    return {name for name, criterion in criteria(document).items() if criterion["status"] == "failed"}
