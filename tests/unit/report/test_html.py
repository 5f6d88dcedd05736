""""""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.report import html
from redis_rehearsal.report.assets import report_scripts
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.facts import Table, is_rehearsal
from redis_rehearsal.report.facts_run import report_sections
from redis_rehearsal.report.html import render_html, render_html_side_by_side
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.run_data import RunData
from tests.unit.report.damage import JUNK, PLACES, damaged, places
from tests.unit.report.hostile import HOSTILE
from tests.unit.report.made import view, whole
from tests.unit.report.made_migration import document
from tests.unit.report.made_timeline import percentiles, rows
from tests.unit.report.page import Page


@pytest.fixture
def no_bokeh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without its 1.3 MB of scripts, where only the rest of it matters."""
    monkeypatch.setattr(html, "report_scripts", tuple)


@pytest.fixture(scope="module")
def light() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html, "report_scripts", tuple)
        yield


def data_of(page: Page) -> list[dict[str, Any]]:
    return [json.loads(text) for attributes, text in page.scripts if attributes.get("type") == "application/json"]


def test_every_sentence_and_every_cell_of_the_document_is_there_and_no_other_figure(no_bokeh: None) -> None:
    made = document("fail", query_downtime="failed", recovery="unknown")
    made["comparison"] = {"keys_compared": 8233, "missing": 1, "extra": 2, "type": 0, "value": 4, "ttl": 5, "benign": 6}
    page = Page(render_html(whole(made), rows(20), percentiles()))
    cells = [
        cell
        for section in report_sections(whole(made))
        for block in section.blocks
        if isinstance(block, Table)
        for cell in (*block.headings, *(cell for row in block.rows for cell in row))
    ]
    assert sorted(page.cells) == sorted(cells)
    for section in report_sections(whole(made)):
        assert section.title in page.text or section.name == "phases"
        for block in section.blocks:
            assert isinstance(block, Table) or block in page.text
    for figure in ("Verdict: FAIL", "12.3 ms", "75,012", "8,233", "redis 6.2.14 at 127.0.0.1:41001"):
        assert figure in page.text


def test_what_is_read_first_stands_first(no_bokeh: None) -> None:
    headings = ["Verdict: PASS", "Over time", "Latency by phase", "Hit ratio", "Database load"]
    headings += ["Downtime", "Ledger", "Comparison of the two servers", "What was done", "Settings", "Servers"]
    page = render_html(whole(document()), rows(20), percentiles())
    found = [page.index(f">{heading}</h2>") for heading in headings]
    assert found == sorted(found)


@pytest.mark.parametrize(("seconds", "megabytes"), [(65, 1.5), (3600, 2.5)], ids=["usual rehearsal", "hour"])
def test_it_is_small_and_needs_no_other_host(seconds: int, megabytes: float) -> None:
    text = render_html(whole(document()), rows(seconds), percentiles())
    assert 1_270_000 < len(text.encode()) < megabytes * 1_000_000
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "form", "base", "img", "a") or tag == "a"
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, attributes)
    assert "@import" not in text[: text.index("</head>")]
    assert "url(" not in text[: text.index("</head>")]
    (policy,) = [a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    # Every script of the page may run by its own digest, and none by any other way.
    assert "script-src 'sha256-" in policy
    running = [text for attributes, text in page.scripts if attributes.get("type") is None]
    assert len(running) == len(report_scripts()) == 12
    for script in running:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_a_long_run_is_thinned_and_keeps_its_extremes(no_bokeh: None) -> None:
    made = [dict(row) for row in rows(9_000)]
    made[8_345]["query_response_p99"] = 59.5
    made[777]["queries_ok"] = 1
    html = render_html(whole(document()), made, ())
    (data,) = data_of(Page(html))
    assert len(data["second"]) <= 4000
    assert max(data["columns"]["query_response_p99"]) == 59.5
    assert min(data["columns"]["queries_ok"]) == 1
    assert sum(data["columns"]["generator_saturated"]) == 1
    assert len(html) < 1_100_000


def test_phases_and_windows_of_downtime_are_seconds_of_the_load(no_bokeh: None) -> None:
    made = document()
    made["phases"][1]["started_at"] = "2026-11-23T10:00:15.123Z"
    made["downtime"]["events"] |= {
        "windows_found": 30,
        "windows": [{"from": "2026-11-23T10:00:15.623Z", "seconds": 0.05}],
    }
    page = Page(render_html(whole(made), rows(20), percentiles()))
    (data,) = data_of(page)
    assert data["phases"][1] == {"name": "prepare", "from_second": 15.0, "to_second": 15.4}
    assert data["bands"] == [{"kind": "events", "from_second": 15.5, "to_second": 15.55}]
    assert "Of 30 windows of events these are the longest 1." in page.text
    assert [line["phase"] for line in data["percentiles"]] == ["baseline", "baseline", "cutover", "cutover"]
    assert data["percentiles"][0]["x"][0] == 1
    assert data["percentiles"][0]["y"][-1] == pytest.approx(0.1)


def test_a_second_that_the_load_ended_in_is_no_rate(no_bokeh: None) -> None:
    made = document()
    for lasted, drawn in ((16.0, 16), (15.4, 15), (15.0, 15), (2.0, 14), (None, 16)):
        made |= {"duration_seconds": lasted and lasted - 1.0, "warmup_seconds": 1.0}
        (data,) = data_of(Page(render_html(whole(made), rows(16), ())))
        assert len(data["second"]) == drawn
        assert data["unfinished"] is (drawn < 16)


def test_a_run_without_a_migration_has_no_verdict(no_bokeh: None) -> None:
    page = Page(render_html(make_document(view()), rows(5), ()))
    assert "Nothing was migrated in this run" in page.text
    assert "Verdict:" not in page.text
    for shown in ("1,004", "95.56%", "Operations", "Ledger", "Settings"):
        assert shown in page.text


def test_without_a_timeline_it_says_so(no_bokeh: None) -> None:
    assert "There is no timeline of this run" in Page(render_html(whole(document()))).text


def test_several_stand_side_by_side_before_each_of_them(no_bokeh: None) -> None:
    runs = [
        RunData(whole(document()), rows(9), percentiles()),
        RunData(whole(document("fail", lost="failed")), rows(9), ()),
    ]
    page = Page(render_html_side_by_side(runs))
    assert page.text.index("Recommended: ") < page.text.index("replicate: PASS") < page.text.index("replicate: FAIL")
    assert len(data_of(page)) == 2
    named = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(named) == len(set(named))
    for _, attributes in page.tags:
        assert attributes.get("href", "#")[1:] in ("", *named)  # type: ignore[index]
    assert Page(render_html_side_by_side([])).text


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_the_document_are_no_markup(no_bokeh: None, text: str) -> None:
    def filled(value: str) -> Page:
        made = document("fail", lost="failed")
        for path in PLACES:
            holder: Any = made
            for name in path[:-1]:
                holder = holder[name]
            if isinstance(holder[path[-1]], str) and path[-1] not in ("status", "started_at", "unit"):
                holder[path[-1]] = value
        made["settings"] |= {value: value}
        made["failures"]["queries"] = {value: 7}
        made["ledger"]["structures"] = {value: {"lost": 3}}
        seconds = [{**row, "phase": value} for row in rows(9)]
        points = [{**each, "phase": value} for each in percentiles()]
        return Page(render_html(whole(made), seconds, points))

    found = filled(text)
    assert found.shape == filled("harmless").shape
    assert " ".join(text.split()) in found.text
    assert data_of(found)[0]["phases"][0]["name"] == text[:40]


cells = st.sampled_from((*JUNK, *HOSTILE, 3, 0.25, "0.5", "2026-11-23T10:00:00Z"))


@st.composite
def damaged_rows(draw: st.DrawFn, made: list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    some = [dict(row) for row in made]
    for _ in range(draw(st.integers(0, 20))):
        row = some[draw(st.integers(0, len(some) - 1))]
        row[draw(st.sampled_from([*row, "another"]))] = draw(cells)
    return list(some)


@pytest.mark.usefixtures("light")
@given(damaged(), damaged_rows(rows(6)), damaged_rows(percentiles()[:40]))
def test_damage_is_not_measured_and_never_an_error(
    made: dict[str, Any], seconds: list[Mapping[str, object]], points: list[Mapping[str, object]]
) -> None:
    text = render_html(whole(made), seconds, points)
    page = Page(text)
    assert text.encode()
    assert data_of(page)
    if is_rehearsal(whole(made)):
        assert f">Verdict: {verdict_status(whole(made).verdict).upper()}</h2>" in text
    else:
        assert "there is no verdict" in page.text


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("made", [{}, [], None, "text", {"migration": {}}, {"verdict": {"status": "pass"}}])
def test_next_to_nothing_is_rendered_too(made: Any) -> None:
    assert Page(render_html(whole(made))).text
    assert Page(render_html_side_by_side([RunData(whole(made))])).text


def test_the_places_that_are_damaged_hold_what_is_new() -> None:
    assert {"comparison", "servers", "settings", "impact"} <= {path[0] for path in places(document())}


@pytest.mark.usefixtures("no_bokeh")
@pytest.mark.parametrize(("stage", "words"), [("running", "still going on"), ("ended", "not complete")])
def test_a_run_that_goes_on_is_told_from_one_that_broke(stage: str, words: str) -> None:
    page = render_html(whole({**document(), "stage": stage, "complete": False}))
    assert words in page
    assert ("a worker ended by itself" in page) is (stage == "ended")
