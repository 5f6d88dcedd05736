"""The charts of the report and of the live page in a real browser."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.report.html import render_html
from tests.acceptance.browser import CHROMIUM, NO_BROWSER, Seen, browse, painted
from tests.acceptance.paper import shares_filled
from tests.support import command, wait_for
from tests.unit.report.hostile import HOSTILE
from tests.unit.report.made import whole
from tests.unit.report.made_migration import document
from tests.unit.report.made_timeline import percentiles, rows

pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)

SECONDS = 60
BLUE = {"light": "#0072b2", "dark": "#4aa3e0"}
FORMULA = r"$$\href{javascript:alert(1)}{x}$$"


@contextmanager
def report(
    place: Path, made: dict[str, Any] | None = None, seconds: list[Mapping[str, object]] | None = None, **options: Any
) -> Iterator[tuple[Page, Seen]]:
    """A report, opened as the file that it is."""
    path = place / "report.html"
    path.write_text(render_html(whole(made or document()), seconds or rows(SECONDS), percentiles()), encoding="utf-8")
    with browse(path.as_uri(), **options) as (page, seen):
        yield page, seen
        assert seen.problems == []
        assert seen.strangers == []


def chart(page: Page, name: str) -> Any:
    """A chart once it is drawn."""
    found = page.locator(f"[data-chart={name}] .chart-plot")
    found.scroll_into_view_if_needed()
    wait_for(lambda: painted(page, name) > 0, f"the chart {name}")
    return found


def ranges(page: Page) -> set[tuple[float, float]]:
    """What the charts that are drawn show of the time."""
    found = page.evaluate(
        """Bokeh.documents.map((each) => each.roots()[0])
            .filter((plot) => plot.toolbar.tools.length && plot.x_range.end > 1)
            .map(({ x_range }) => [x_range.start, x_range.end])"""
    )
    return {(start, end) for start, end in found}


def captions(page: Page) -> dict[str, str]:
    """The charts that are shown: how the explanation of each begins, by heading."""
    shown = page.locator("figure.chart:not([hidden]) figcaption").all()
    return {each.locator("h3, h4").inner_text(): each.locator("p").inner_text()[:25] for each in shown}


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.matrix)])
def test_lines_are_drawn_named_and_hidden(tmp_path: Path, theme: str) -> None:
    with report(tmp_path, dark=theme == "dark") as (page, _):
        plot = chart(page, "queries")
        assert painted(page, "queries", BLUE[theme]) > 100
        assert "held: " in plot.get_attribute("aria-label")
        # What nobody has scrolled to is drawn once, for who captures the page.
        wait_for(lambda: painted(page, "generator_cpu") > 0, "what is not in sight")
        held = page.get_by_role("group", name="Lines of: Queries per second").get_by_role("button", name="held")
        held.focus()
        page.keyboard.press("Enter")
        expect(held).to_have_attribute("aria-pressed", "false")
        wait_for(lambda: painted(page, "queries", BLUE[theme]) == 0, "the line to be gone")
        held.click()
        wait_for(lambda: painted(page, "queries", BLUE[theme]) > 100, "the line again")
        found = Axe().run(page, context=".charts").response["violations"]
        assert not found, json.dumps(found, indent=1)


def test_one_box_names_all_lines_at_the_pointer(tmp_path: Path) -> None:
    with report(tmp_path) as (page, _):
        plot = chart(page, "query_latency")
        box = plot.bounding_box()
        tip = plot.locator(".chart-tip")
        expect(tip).to_be_hidden()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
        expect(tip).to_contain_text("response p50: ")
        second = float(tip.locator("strong").inner_text().removesuffix(" s"))
        row = rows(SECONDS)[int(second)]
        for name, column in (("response p99", "query_response_p99"), ("service p50", "query_service_p50")):
            value = float(f"{float(str(row[column])) * 1000:.4g}")
            expect(tip).to_contain_text(f"{name}: {value:g} ms")
        page.mouse.move(5, 5)
        expect(tip).to_be_hidden()


def test_charts_are_zoomed_together_and_nothing_moves(tmp_path: Path) -> None:
    with report(tmp_path) as (page, _):
        chart(page, "events")
        plot = chart(page, "queries")
        box = plot.bounding_box()
        whole = ranges(page)
        assert len(whole) == 1
        page.mouse.move(box["x"] + 200, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 120, steps=5)
        page.mouse.up()
        reset = page.get_by_role("button", name="Show the whole run again")
        expect(reset).to_be_visible()
        # Those of another section are zoomed by themselves.
        wait_for(lambda: len(ranges(page) - whole) == 1, "the charts to show the same")
        ((start, end),) = ranges(page) - whole
        assert 0 < start < end < SECONDS
        assert plot.bounding_box() == box
        page.mouse.dblclick(box["x"] + 250, box["y"] + 100)
        expect(reset).to_be_hidden()
        wait_for(lambda: ranges(page) == whole, "the whole run")
        assert plot.bounding_box() == box


def test_what_is_new_is_drawn_on_the_same_canvas(tmp_path: Path) -> None:
    with report(tmp_path) as (page, _):
        page.evaluate(
            """() => {
                const place = document.createElement("div");
                document.querySelector("main").prepend(place);
                const rows = [0, 1, 2, 3].map((second) => ({ second, hit_ratio: 0.5 }));
                window.live = RehearsalCharts.create(place, { groups: ["cache"] });
                live.update({ rows });
            }"""
        )
        page.evaluate("scrollTo(0, 0)")
        canvas = page.locator(".charts").first.locator("canvas").first
        canvas.evaluate("(canvas) => { canvas.dataset.first = 'yes'; }")
        page.evaluate("live.append([{ second: 4, hit_ratio: 1 }, { second: 5, hit_ratio: 0.9 }], [])")
        plot = page.locator(".charts").first.locator(".chart-plot")
        wait_for(lambda: "to 100 %" in (plot.get_attribute("aria-label") or ""), "the new row")
        assert canvas.get_attribute("data-first") == "yes"
        documents = page.evaluate("Bokeh.documents.length")
        page.evaluate("live.destroy()")
        assert page.evaluate("Bokeh.documents.length") == documents - 1


def test_axes_span_what_is_there_and_say_it_shortly(tmp_path: Path) -> None:
    with report(tmp_path) as (page, _):
        for asked, answered in {
            "valueRange([[null, null]], {})": [0, 1],
            "valueRange([[null]], { log: true })": [1, 10],
            "valueRange([[5, 5]], { log: true })": [2.5, 10],
            "valueRange([[7], [7, null]], {})": [6, 8],
            "valueRange([[0, 0]], { zero: true })": [0, 1],
            "valueRange([[0, 20]], { zero: true })": [0, 21],
            "valueTicks([0, 10500], false, 150).map((tick) => tick.text)": ["0", "5,000", "10,000"],
            "valueTicks([0, 250000], false, 150).map((tick) => tick.text)": [
                "0",
                "50k",
                "100k",
                "150k",
                "200k",
                "250k",
            ],
            "valueTicks([0, 2.1e6], false, 150).map((tick) => tick.text)": ["0", "0.5M", "1M", "1.5M", "2M"],
            "valueTicks([0.1, 0.35], false, 90).map((tick) => tick.at)": [0.1, 0.2, 0.3],
            "valueTicks([0.5, 2000], true, 150).map((tick) => tick.text)": ["1", "10", "100", "1,000"],
            "valueTicks([0.15, 6], true, 150).map((tick) => tick.text)": ["0.2", "0.5", "1", "2", "5"],
            "timeTicks([0, 7200], 300).map((tick) => tick.text)": ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"],
        }.items():
            assert page.evaluate(f"RehearsalCharts.axes.{asked}") == answered, asked


@pytest.mark.parametrize(
    "text", [HOSTILE[0], *(pytest.param(each, marks=pytest.mark.matrix) for each in (*HOSTILE[1:], FORMULA))]
)
def test_words_of_the_run_are_text_in_charts(tmp_path: Path, text: str) -> None:
    made = document()
    for phase in made["phases"]:
        phase["name"] = text
    made["annotations"] = [{"started_at": "2026-11-23T10:00:05.123Z", "kind": text, "server": text}]
    path = tmp_path / "report.html"
    points = [{**each, "phase": text} for each in percentiles()]
    path.write_text(render_html(whole(made), rows(SECONDS), points), encoding="utf-8")
    shown = " ".join(text[:40].split())
    with browse(path.as_uri()) as (page, seen):
        plot = chart(page, "queries")
        expect(plot.locator(".chart-words > :not(.chart-note)").first).to_have_text(shown)
        expect(plot.locator(".chart-note")).to_have_text(f"{shown}: {shown}")
        box = chart(page, "percentiles_queries").bounding_box()
        expect(page.locator("[data-chart=percentiles_queries] .chart-legend button")).to_have_text(shown)
        page.mouse.move(box["x"] + 120, box["y"] + 150)
        expect(page.locator("[data-chart=percentiles_queries] .chart-tip > div")).to_contain_text(shown)
        assert page.locator("figure :is(img, a, b, script, iframe, [onmouseover])").count() == 0
        assert seen.problems == []
        assert seen.strangers == []


def test_a_report_is_printed_with_all_its_charts(tmp_path: Path) -> None:
    with report(tmp_path, dark=True) as (page, _):
        chart(page, "queries")
        shares = shares_filled(page.pdf(format="A4", print_background=True), captions(page))
        assert len(shares) == 15
        assert all(share > 0.02 for share in shares.values()), shares
        wait_for(lambda: painted(page, "queries", BLUE["dark"]) > 100, "the screen as it was")


@pytest.mark.matrix
def test_the_live_page_is_printed_with_all_its_charts(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(600)
        with browse(run.link, dark=True) as (page, seen):
            expect(page.locator("#connection")).to_have_text("live")
            wait_for(lambda: len(captions(page)) == 13, "the charts")
            chart(page, "queries")
            page.evaluate("scrollTo(0, 0)")
            shares = shares_filled(page.pdf(format="A4", print_background=True), captions(page))
            # The phase is shaded behind the lines.
            assert all(share > 0.5 for share in shares.values()), shares
            width = page.locator("[data-chart=queries] .chart-plot").bounding_box()
            canvas = page.locator("[data-chart=queries] canvas").first.bounding_box()
            assert canvas["width"] == pytest.approx(width["width"], abs=1)  # type: ignore[index]
            wait_for(lambda: painted(page, "queries", BLUE["dark"]) > 20, "the screen as it was")
            assert seen.problems == []
