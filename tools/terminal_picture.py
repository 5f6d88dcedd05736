"""Draws a rehearsal in a terminal: `python -m tools.terminal_picture` writes docs/pictures/terminal.svg."""

import io
import re
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text
from tests.pty_screen import Screen

_COLUMNS: Final = 100
_LINES: Final = 48
_PICTURE: Final = Path(__file__).parents[1] / "docs" / "pictures" / "terminal.svg"
_ARGUMENTS: Final = ("rehearse", "--strategy", "copy", "--load", "high", "--control-token", "not-shown-here")
_STYLED: Final = {"PASS": "bold green", "FAIL": "bold red"}


def drawn(lines: list[str]) -> str:
    """An SVG of what stands on a terminal."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in lines:
        text = Text(line, no_wrap=True, overflow="crop")
        for word, style in _STYLED.items():
            text.highlight_words([word], style)
        if line.startswith("phase "):
            text.stylize("bold", 0, line.index(" ", 6) if " " in line[6:] else len(line))
        console.print(text, highlight=False)
    made = console.export_svg(title="redis-rehearsal rehearse --strategy copy --load high")
    # Whoever looks at it has a font; nothing is to be loaded from elsewhere.
    return re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)


def main() -> None:
    """Rehearse, and write the picture as it is in the recovery, with the last lines that come of it."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-picture-") as name:
        screen = Screen(Path(name), _COLUMNS, _LINES, *_ARGUMENTS, RUN_DIR="runs")
        try:
            seen = screen.until(lambda lines: any("recovery for 9 s" in line for line in lines), "the recovery", 120)
            while screen.process.poll() is None:
                last = screen.look()
        finally:
            screen.close()
    begun = next((number for number, line in enumerate(seen) if line.startswith("migration by")), 0)
    ended = [line for line in last if line.startswith(("phase done", "PASS", "FAIL", "UNKNOWN", "report: "))]
    shown = [line for line in seen[begun:] if line]
    _PICTURE.write_text(drawn([*shown, "", *ended]), encoding="utf-8")


if __name__ == "__main__":
    main()
