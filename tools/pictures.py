"""Makes the pictures of the README: `python -m tools.pictures`. Needs Chromium and Prometheus.

A run is driven and migrated for it. The page and the report are photographed as they are; there is no Grafana here, so
the panels of a dashboard are drawn as our own charts are, from their own expressions and what a Prometheus that scraped
the run answers.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page
from tests.acceptance.browser import CHROMIUM, NO_BROWSER, browse
from tests.acceptance.prometheus import Prometheus, scraping
from tests.support import command, wait_for

from redis_rehearsal.report.assets import CHART_SCRIPTS, CHART_STYLE, bokeh_path, read
from tools.dashboards import PLACE

PICTURES: Final = Path(__file__).parents[1] / "docs" / "pictures"
_LOAD: Final = {"QUERIES_PER_SECOND": "3000", "EVENTS_PER_SECOND": "300", "WARMUP": "5"}
_MIGRATION: Final = {"strategy": "copy", "baseline": 20, "observe": 40, "copy_rate": 4000}
_PANELS: Final = (
    "Response time of queries",
    "Throughput",
    "Hit ratio",
    "Answered by server",
    "Load on the database",
    "Keys",
)


def photograph(page: Page, name: str) -> None:
    """Keep what is seen as a picture of the docs."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / name)


def series_of(prometheus: Prometheus, panel: dict[str, Any], start: float, end: float) -> list[dict[str, Any]]:
    """The lines of a panel: the answers to its expressions, named as its legend says."""
    lines = []
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "5s").replace("$__range", "10m")
        found = prometheus.ask("query_range", query=expression, start=start, end=end, step=1)["result"]
        for series in found:
            labels = series["metric"]
            name = target["legendFormat"]
            for label in re.findall(r"{{(\w+)}}", name):
                name = name.replace(f"{{{{{label}}}}}", labels.get(label, ""))
            # A share of nothing is no number.
            points = [(at - start, float(value)) for at, value in series["values"] if value != "NaN"]
            lines.append({"name": name, "x": [x for x, _ in points], "y": [y for _, y in points]})
    return lines


def panels_page(panels: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]) -> str:
    """A page with the panels, drawn as the charts of a report are."""
    figures = [
        {
            "title": panel["title"],
            "unit": panel["fieldConfig"]["defaults"]["unit"],
            "lines": lines,
        }
        for panel, lines in panels
    ]
    scripts = [bokeh_path().read_text(encoding="utf-8"), *map(read, CHART_SCRIPTS)]
    loaded = "".join(f"<script>{script}</script>\n" for script in scripts)
    return f"""<!doctype html><html data-theme="dark"><meta charset="utf-8">
<style>{read(CHART_STYLE)}
body {{ padding: 8px }}
.charts {{ grid-template-columns: repeat(3, 1fr); gap: 8px }}</style>
<body><div class="charts"></div>
{loaded}<script>
const {{ THEMES, createFigure, createPlot, axes }} = RehearsalCharts;
const colors = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9"];
const units = {{ percentunit: [100, "%"], s: [1000, " ms"] }};
for (const {{ title, unit, lines }} of {json.dumps(figures)}) {{
  const [scale, sign] = units[unit] || [1, ""];
  const around = createFigure(document.querySelector(".charts"), {{
    id: title, title, text: "", headingLevel: 2, lines, changed() {{}},
  }});
  const drawing = createPlot(around.plot, {{ lines, height: 170, title: String, text: String }});
  const shown = lines.map((line, at) => ({{
    ...line, y: line.y.map((value) => value * scale), color: colors[at % colors.length], width: 1.5,
  }}));
  const frame = drawing.frame(around.plot.clientWidth);
  const xRange = [0, Math.max(1, ...lines.map((line) => line.x[line.x.length - 1]))];
  const yRange = axes.valueRange(shown.map((line) => line.y), {{ zero: true }});
  const yTicks = axes.valueTicks(yRange, false, frame.height).map(({{ at, text }}) => ({{ at, text: text + sign }}));
  around.legend.paint(shown.map((line) => line.color));
  drawing.show({{
    theme: THEMES.dark, frame, xRange, yRange, xTicks: axes.timeTicks(xRange, frame.width), yTicks, lines: shown,
  }});
}}
</script>"""


def main() -> int:
    """Make all pictures.

    Returns:
        The exit code: 0, or 2 where something that is needed is not installed.
    """
    if not CHROMIUM:
        sys.stderr.write(f"{NO_BROWSER}\n")
        return 2
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with command(directory, "run", **_LOAD) as run, scraping(run.address, directory / "prometheus") as prometheus:
            run.until_running(1000)
            began = time.time()
            run.post("/api/migrations", _MIGRATION)
            with browse(run.link) as (page, _):
                wait_for(lambda: page.locator("#phase").inner_text() == "recovery", "the cutover", 120)
                time.sleep(15)  # so that there is something to see of what follows
                page.set_viewport_size({"width": 1280, "height": 2080})
                page.wait_for_timeout(2500)
                photograph(page, "page.png")
                wait_for(lambda: page.locator("#verdict-label").inner_text() == "Verdict", "the verdict", 120)
                page.set_viewport_size({"width": 1280, "height": 1700})
                page.goto(f"{run.address}/report.html")
                # What is to be seen is drawn, one chart after the other.
                timeline = page.locator("[data-chart=queries]").bounding_box()
                height = round(timeline["y"] + timeline["height"]) + 40 if timeline else 1700
                page.set_viewport_size({"width": 1280, "height": height})
                page.wait_for_selector("[data-chart=queries] canvas", state="attached")
                page.wait_for_timeout(2000)
                photograph(page, "report.png")
            dashboard = json.loads((PLACE / "migration.json").read_text(encoding="utf-8"))
            wanted = {panel["title"]: panel for panel in dashboard["panels"]}
            ended = time.time()
            panels = [(wanted[title], series_of(prometheus, wanted[title], began, ended)) for title in _PANELS]
            drawn = directory / "panels.html"
            drawn.write_text(panels_page(panels), encoding="utf-8")
            with browse(drawn.as_uri()) as (page, _):
                page.wait_for_selector("canvas", state="attached")
                page.set_viewport_size({"width": 1290, "height": 580})
                photograph(page, "dashboard.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
