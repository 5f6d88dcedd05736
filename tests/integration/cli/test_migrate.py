import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from redis_rehearsal.cli import migrating
from redis_rehearsal.cli.app import call
from redis_rehearsal.document.base import as_json
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.status import MigrationSoFar
from tests.controls import STEPS, MemoryRunControls
from tests.integration.cli.conftest import Serve, Serving
from tests.support import Command, command, wait_for

Output = pytest.CaptureFixture[str]
MIGRATE = ("migrate", "--strategy", "cold")


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(migrating, "_PATIENCE_SECONDS", 0.1)


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("unknown", 3)])
def test_the_exit_code_is_the_verdict(serve: Serve, capsys: Output, verdict: str, code: int) -> None:
    serve(MemoryRunControls(verdict))
    assert call([*MIGRATE, "--max-lost", "2"]) == code
    output = capsys.readouterr()
    said = {
        "pass": "PASS: all 2 criteria passed",
        "fail": "FAIL: lost 3 (limit 0)",
        "unknown": "UNKNOWN: lost (up to 3, since the outcome of some writes is unknown); "
        "query_downtime (operations come too rarely to tell downtime from waiting for one; raise the rate or the "
        "limit)",
    }
    # In two lines, since what the terminal has is not known here.
    words, _, place = output.out.replace(" · ", "\n").rstrip("\n").rpartition("\n")
    assert words == said[verdict]
    assert place == f"report: http://{os.environ['BIND_ADDRESS']}/report.html"
    assert ("cutover: failed after 1.25 s; the target refused a write\n" in output.err) == (verdict == "fail")


def test_each_step_is_printed_once_as_it_happens(serve: Serve, capsys: Output) -> None:
    serving = serve()
    assert call([*MIGRATE, "--abort-if", "failed=1%", "--abort-if", "p99=1s"]) == 0
    assert serving.controls.documents[0].options["abort_if"] == ["failed=1%", "p99=1s"]
    steps = [f"{name}: {state}" for name in STEPS for state in ("running", "done after 1.25 s")]
    assert capsys.readouterr().err.splitlines() == ["The migration by the strategy cold has begun.", *steps]


def test_the_document_is_printed_for_programs(serve: Serve, capsys: Output) -> None:
    serving = serve()
    assert call([*MIGRATE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == as_json(serving.controls.documents[0])


def test_a_second_migration_is_refused(serve: Serve, capsys: Output) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    serving.controls.documents.append(read(MigrationSoFar, {"status": "running"}))
    assert call([*MIGRATE]) == 2
    assert capsys.readouterr().err == "redis-rehearsal: A migration is going on already.\n"


def test_a_run_that_goes_away_leaves_the_verdict_unknown(
    serve: Serve, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    original = serving.controls.migrations
    monkeypatch.setattr(serving.controls, "migrations", lambda: original() if serving.controls.looks < 3 else [])
    assert call([*MIGRATE]) == 3
    assert "How the migration ends is not known here." in capsys.readouterr().err


def until_watching(running: Command, serving: Serving) -> None:
    def watching() -> bool:
        assert running.process.poll() is None, running.stderr
        return "baseline: running" in running.stderr

    wait_for(watching, "a watched migration")


def test_without_a_terminal_ctrl_c_leaves_the_migration_running(serve: Serve, tmp_path: Path) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    with command(tmp_path, *MIGRATE, BIND_ADDRESS=serving.address) as running:
        until_watching(running, serving)
        running.interrupt(signal.SIGINT)
        assert running.wait() == 3
        assert "The migration is left running" in running.stderr
        assert "Traceback" not in running.stderr
    assert serving.controls.documents[0].status == "running"


class Terminal:
    """The command on a terminal."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redis_rehearsal", *MIGRATE],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={name: os.environ[name] for name in ("PATH", "TMPDIR", "BIND_ADDRESS")} | {"TERM": "dumb"},
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def until(self, words: str) -> None:
        while words not in self.seen:
            self.seen += os.read(self._master, 4096).decode()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def test_on_a_terminal_ctrl_c_asks(serve: Serve) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    terminal = Terminal()
    try:
        terminal.until("baseline: running")
        terminal.interrupt()
        terminal.until("[c]ontinue, [r]oll back, [l]eave it running?")
        terminal.type("what?\n")
        terminal.until("what?\r\n[c]ontinue, [r]oll back, [l]eave it running?")
        terminal.seen, looks = "", serving.controls.looks
        terminal.type("c\n")
        wait_for(lambda: serving.controls.looks > looks + 1, "a migration that is watched on")
        terminal.interrupt()
        terminal.until("[l]eave it running?")
        assert serving.controls.documents[0].status == "running"
        terminal.type("r\n")
        terminal.until("UNKNOWN: lost (up to 3")
        assert terminal.process.wait(30) == 3
    finally:
        terminal.close()


def test_on_a_terminal_a_second_ctrl_c_leaves_the_migration_running(serve: Serve) -> None:
    serving = serve(MemoryRunControls(lasting=True))
    terminal = Terminal()
    try:
        terminal.until("baseline: running")
        terminal.interrupt()
        terminal.until("[l]eave it running?")
        terminal.interrupt()
        terminal.until("The migration is left running")
        assert terminal.process.wait(30) == 3
    finally:
        terminal.close()
    assert "Traceback" not in terminal.seen
    assert serving.controls.documents[0].status == "running"
