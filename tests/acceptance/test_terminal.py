"""What stands on a real terminal's screen while a rehearsal goes on, and what is left on it."""

from functools import partial
from pathlib import Path

from tests.conftest import MakeServer
from tests.pty_screen import Screen


def is_whole(lines: list[str]) -> bool:
    """Whether there is one panel at most, and nothing runs into it."""
    tops = [number for number, line in enumerate(lines) if "╭" in line]
    bottoms = [number for number, line in enumerate(lines) if "╰" in line]
    if not len(tops) == len(bottoms) <= 1:
        return False
    inside = range(tops[0] + 1, bottoms[0]) if tops else range(0)
    framed = [number for number, line in enumerate(lines) if line.startswith("│") and line.endswith("│")]
    touched = [number for number, line in enumerate(lines) if "│" in line]
    return framed == touched == list(inside)


def is_drawn(lines: list[str], *, columns: int, phase: str) -> bool:
    """Whether the panel is there, as wide as it is to be."""
    tops = [line for line in lines if line.startswith("╭") and line.endswith("╮")]
    return (
        [len(line) for line in tops] == [columns]
        and any(f"copy: phase {phase}" in line for line in lines)
        and is_whole(lines)
    )


def test_a_rehearsal_says_what_it_does_and_ends_with_its_verdict(
    tmp_path: Path, given: dict[str, str], make_server: MakeServer
) -> None:
    given["TARGET_REDIS_URL"] = make_server(name="valkey-9.1").url
    arguments = ("rehearse", "--strategy", "copy", "--baseline", "6s", "--observe", "6s", "--max-recovery", "15s")
    screen = Screen(tmp_path, 80, 24, *arguments, **given)
    try:
        for columns, lines, phase in ((80, 24, "baseline"), (60, 20, "baseline"), (120, 40, "recovery")):
            screen.resize(columns, lines)
            top = min(columns, 100)
            seen = screen.until(partial(is_drawn, columns=top, phase=phase), f"a panel of {top} columns in {phase}")
            for _ in range(5):
                now = screen.look()
                assert is_whole(now), "\n".join(now)
            assert any(" left)" in line or "until all is as before" in line for line in seen), "\n".join(seen)
        assert any("move the application: done" in line for line in seen), "\n".join(seen)
        assert any("so far: " in line for line in seen), "\n".join(seen)
        screen.resize(80, 24)
        screen.until(partial(is_drawn, columns=80, phase="recovery"), "a panel of 80 columns again")
        while screen.process.poll() is None:
            now = screen.look()
            assert is_whole(now), "\n".join(now)
        said = [line for line in screen.look() if line]
        assert screen.process.returncode in (0, 1, 3)
        verdict = {0: "PASS: ", 1: "FAIL: ", 3: "UNKNOWN: "}[screen.process.returncode]
        place = next(number for number, line in enumerate(said) if line.startswith(verdict))
        (directory,) = (tmp_path / "runs").iterdir()
        left = "".join(said[place:])
        # At the end of all, in three lines that a terminal may have broken.
        assert left.endswith(f"report: {directory}/report.html")
        assert not any("╭" in line or "│" in line for line in said)
        for phase in ("baseline", "prepare", "sync", "cutover", "recovery"):
            assert any(line.startswith("phase ") and f"({phase} took " in line for line in screen.ever), phase
    finally:
        screen.close()
