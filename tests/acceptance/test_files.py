"""What cannot be written must not take the run's truth with it."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.rehearsing import until_phase
from tests.support import Command, command, wait_for


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], check=False)
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["/bin/umount", str(place)], check=True)


def document_of(run: Command) -> dict[str, object]:
    document: dict[str, object] = json.loads(run.stdout)
    return document


def test_on_a_full_disk_the_document_is_told_all_the_same(
    tmp_path: Path, given: dict[str, str], small_disk: Path
) -> None:
    given |= {"RUN_DIR": str(small_disk)}
    with command(tmp_path, "run", "--json", "--log-format", "json", **given) as run:
        run.until_running()
        with contextlib.suppress(OSError), (small_disk / "others").open("wb", buffering=0) as others:
            while True:
                others.write(b"x" * 512)
        wait_for(lambda: "timeline.csv cannot be written: No space left on device" in run.stderr, "the first word", 60)
        run.interrupt()
        assert run.wait() == 4
        document = document_of(run)
    unwritten = document["unwritten"]
    assert isinstance(unwritten, dict)
    assert {"timeline.csv", "run.json", "percentiles.csv"} <= unwritten.keys()
    assert set(unwritten.values()) == {"No space left on device"}
    assert "could not be written to its end" in run.stderr.splitlines()[-1]
    assert not list(small_disk.glob("*/*.part"))


@pytest.mark.matrix
def test_each_file_is_written_by_itself(tmp_path: Path, given: dict[str, str]) -> None:
    arguments = ("--strategy", "cold", "--baseline", "1s", "--observe", "1s", "--json", "--report", "out")
    with command(tmp_path, "rehearse", *arguments, **given) as run:
        until_phase(run, "baseline")
        (directory,) = (tmp_path / "runs").iterdir()
        for name in ("percentiles.csv", "report.md"):
            (directory / name).mkdir()
            (directory / name / "in the way").touch()
        assert run.wait() == 4
        told = document_of(run)
    # The verdict is there, in the file and on stdout, and so is all else that could be written.
    document = json.loads((directory / "run.json").read_text())
    assert document == told
    assert document["unwritten"] == {"percentiles.csv": "Is a directory", "report.md": "Is a directory"}
    assert document["verdict"]["status"] == "fail"
    assert "percentiles.csv could not be written to its end: Is a directory" in (directory / "report.txt").read_text()
    assert (directory / "report.html").is_file()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["verdict"] == document["verdict"]
    assert (tmp_path / "out" / "report.html").is_file()
