import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from redis_rehearsal.fleet.row import COLUMNS
from redis_rehearsal.report.assets import CHART_SCRIPTS, CHART_STYLE, read, report_scripts
from redis_rehearsal.report.chart_data import COLUMNS as DRAWN


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes() -> Iterator[tuple[str, str, str]]:
    """Theme, what is drawn on it, and its colours."""
    script = read("panels.js")
    for name in ("light", "dark"):
        part = script[script.index(f"    {name}: {{") :]
        part = part[: part.index("shade:")]
        paper = re.search(r'paper: "(#\w+)"', part)
        assert paper
        yield name, paper[1], part[part.index("colors:") :]


def test_every_line_can_be_told_from_what_it_is_drawn_on() -> None:
    for name, paper, colors in themes():
        found = re.findall(r'(\w+): "(#\w{6})"', colors)
        assert len(found) == 8
        for color, value in found:
            assert contrast(paper, value) >= 3, (name, color)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_can_be_read_on_what_they_stand_on(theme: int) -> None:
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", read(CHART_STYLE))
    value = {name: colors[theme] for name, *colors in found}
    for ground in ("paper", "ground"):
        for words in ("text", "muted", "accent", "pass", "fail", "unknown"):
            assert contrast(value[words], value[ground]) >= 4.5, (words, ground)
    for status in ("pass", "fail", "unknown"):
        assert contrast(value[status], value[f"{status}-ground"]) >= 4.5, status


def test_every_column_that_is_drawn_stands_in_the_report() -> None:
    named = set(re.findall(r'(?:line|milliseconds)\("[^"]+", "(\w+)"', read("panels.js")))
    named |= set(re.findall(r"row\.(\w+)", read("panels.js"))) - {"second"}
    assert named == set(DRAWN)
    assert named <= {*COLUMNS, "conversion_rate"}


def test_bokeh_is_found_and_not_imported() -> None:
    script = "import sys; from redis_rehearsal.report import html; html.report_scripts(); print('bokeh' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_its_notice_goes_with_it() -> None:
    script = report_scripts()[0].text
    assert "Copyright (c) Anaconda, Inc., and Bokeh Contributors" in script
    assert "Redistribution and use in source and binary forms" in script


def test_they_ask_no_other_host_for_anything() -> None:
    for name in (*CHART_SCRIPTS, "percentiles.js", "report.js", CHART_STYLE, "report.css", "print.css"):
        text = read(name)
        assert "http" not in text
        assert "fetch(" not in text
        assert "import" not in text.replace("important", "")
