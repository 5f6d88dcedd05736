"""The live page in a real browser, over real runs."""

import contextlib
import json
import re
import signal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from redis_rehearsal.embedded.redis_server import RedisServer, free_port
from redis_rehearsal.migration.criteria import CRITERIA, about
from redis_rehearsal.workload.presets import PRESETS
from tests.acceptance.browser import CHROMIUM, NO_BROWSER, browse, painted
from tests.acceptance.paging import ATTEMPTS, TOKEN, behaved, migration_of, open_dialog, start, verdict
from tests.support import Command, command, wait_for
from tests.unit.report.made_migration import document as made_document

pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)
BLUE = "#0072b2"
"""Of the queries that were answered, in a light chart."""


def report_of(page: Page) -> Page:
    """Open the report, which leaves the page as it is."""
    with page.expect_popup() as opened:
        page.click("#report-link")
    report = opened.value
    expect(report.locator("h2", has_text="Verdict: ").first).to_be_visible()
    return report


def until_calm(run: Command) -> None:
    """Wait until other tests leave the generator alone, for a while."""
    with contextlib.suppress(AssertionError):
        wait_for(
            lambda: (
                len(rows := json.loads(run.get("/api/timeline")[1])[-3:]) == 3
                and not any(row["generator_saturated"] for row in rows)
            ),
            "three calm seconds",
        )


def begin_again(page: Page) -> None:
    """Reset the run by the page's own dialog, and wait for the next one."""
    before = page.locator("#run").inner_text()
    open_dialog(page, "reset")
    page.click("#dialog-reset [type=submit]")
    expect(page.locator("#run")).not_to_contain_text(before.split(":")[0], timeout=60_000)
    expect(page.locator("#run")).to_contain_text("running", timeout=60_000)


def give_the_token(page: Page) -> None:
    """Change the load, for which the page asks for the token, also where the first one was wrong."""
    open_dialog(page, "load")
    page.fill("#dialog-load [name=events_per_second]", "20")
    page.click("#dialog-load [type=submit]")
    page.fill("#dialog-token [name=token]", "wrong")
    page.click("#dialog-token [type=submit]")
    expect(page.locator("#dialog-load .error")).to_contain_text("CONTROL_TOKEN")
    page.fill("#dialog-token [name=token]", TOKEN)
    page.click("#dialog-token [type=submit]")
    expect(page.locator("#done")).to_have_text("The load was changed.")
    assert TOKEN not in page.content()


def choose_each_preset(page: Page, run: Command) -> None:
    """Each button fills in its own rates, and what is then sent is what the run has."""
    for name, rates in PRESETS.items():
        open_dialog(page, "load")
        page.click(f"#presets button:text-is('{name}')")
        shown = {field: float(page.locator(f"#dialog-load [name={field}]").input_value()) for field in rates}
        assert shown == rates
        if name == "low":
            page.click("#dialog-load [type=submit]")
            expect(page.locator("#done")).to_have_text("The load was changed.")
            asked = json.loads(run.get("/control")[1])
            assert {field: asked[field] for field in rates} == rates
        else:
            page.click("#dialog-load [data-closes]")


def roll_back_and_switch(page: Page) -> None:
    """Roll back a migration that would take for ever, and then switch."""
    expect(page.locator("[data-opens=rollback]")).to_be_disabled()
    start(page, "external", baseline="1s", rollout="0s", command="sleep 600")
    expect(page.locator("#steps")).to_contain_text("run the tool", timeout=30_000)
    open_dialog(page, "rollback")
    page.click("#dialog-rollback [type=submit]")
    told = "The migration was rolled back; the application is on the source."
    expect(page.locator("#done")).to_have_text(told, timeout=30_000)
    assert verdict(page) == "FAIL"
    open_dialog(page, "switch")
    page.select_option("#dialog-switch [name=to]", "target")
    page.click("#dialog-switch [type=submit]")
    expect(page.locator("#done")).to_have_text("Reads go to target now, writes to target.")
    expect(page.locator("#route-text")).to_have_text("Reads go to target, writes to target.")


def look_for_barriers(page: Page) -> None:
    """Labels, contrast and all else that axe-core knows of, as WCAG 2.1 AA has it."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}}).response["violations"]
    assert not found, json.dumps([(each["id"], [node["html"] for node in each["nodes"]]) for each in found], indent=1)


def test_what_a_cold_switch_loses_is_shown_and_a_reset_begins_again(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    given |= {"BIND_ADDRESS": f"127.0.0.1:{free_port()}"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        with browse(run.link) as (page, seen):
            expect(page.locator("#route-text")).to_have_text("Reads go to source, writes to source.")
            # The token is in the link, and no longer where it would be remembered.
            assert page.url == f"{run.address}/"
            start(page, "cold", baseline="1s", observe="1s")
            expect(page.locator("#done")).to_have_text("The migration (cold) has begun.")
            expect(page.locator("[data-opens=migrate]")).to_be_disabled()
            expect(page.locator("#route-text")).to_contain_text("Reads go to target, writes to target.", timeout=30_000)
            assert verdict(page) == "FAIL"
            row = page.locator("#criteria tr", has=page.get_by_role("rowheader", name="lost", exact=False)).first
            expect(row.locator(".status")).to_have_text("failed")
            lost = next(each for each in migration_of(run)["verdict"]["criteria"] if each["name"] == "lost")
            assert f"{lost['measured']:,}" in row.inner_text()
            expect(page.locator("#steps .step").first).to_be_visible()
            # A counter opens to what it is made of, as the servers and the ledger have it.
            counter = page.locator("#worst-counters details").first
            counter.locator("summary").click()
            told = {
                name: int(found.replace(",", ""))
                for name, found in re.findall(r"([BAUST]) = ([\d,]+)", counter.inner_text())
            }
            assert told["T"] < told["B"] + told["A"] <= told["B"] + told["A"] + told["U"]
            key = counter.locator("summary").inner_text().rpartition(": ")[0]
            assert f"Organisation {key.split(':')[2]}." in counter.inner_text()
            # Above everything: the word, why, what was lost, and what to do next; the tab says it too.
            expect(page.locator("#outcome-word")).to_have_text("FAIL: cold")
            expect(page.locator("#outcome-why")).to_contain_text(f"lost {lost['measured']:,} (limit 0)")
            expect(page.locator("#outcome-lost")).to_contain_text(f"{lost['measured']:,} lost")
            expect(page.locator("#outcome-next")).to_contain_text("try another strategy")
            assert page.title() == "FAIL · redis-rehearsal"
            assert (page.locator("link[rel=icon]").get_attribute("href") or "").startswith("data:image/svg")
            tops = [page.locator(place).bounding_box() or {"y": 0.0} for place in ("#outcome", "#now-heading")]
            assert tops[0]["y"] < tops[1]["y"]
            # Every migration begins on the source, and who cannot begin one is told why.
            expect(page.locator("[data-opens=migrate]")).to_be_disabled()
            expect(page.locator("#why-not")).to_contain_text("the application is not on the source")
            assert "not on the source" in (page.locator("[data-opens=migrate]").get_attribute("title") or "")
            expect(page.locator("#done")).to_have_text("")
            page.click("#outcome-reset")
            expect(page.locator("#dialog-reset")).to_be_visible()
            page.click("#dialog-reset [data-closes]")
            # The way back is offered, and what it costs.
            expect(page.locator("#switch-cost")).to_have_text("")
            page.click("#outcome-back")
            expect(page.locator("#dialog-switch select[name=to]")).to_have_value("source")
            expect(page.locator("#switch-cost")).to_contain_text(
                re.compile(r"^Since the cutover [1-9][\d,]* increments were acknowledged")
            )
            page.click("#dialog-switch [type=submit]")
            expect(page.locator("#done")).to_have_text("Reads go to source now, writes to source.")
            expect(page.locator("#outcome-back")).to_be_hidden()
            begin_again(page)
            expect(page.locator("#outcome")).to_be_hidden()
            assert "FAIL" not in page.title()
            # Between the two runs nobody listens.
            seen.problems[:] = [problem for problem in seen.problems if "ERR_CONNECTION_REFUSED" not in problem]
            roll_back_and_switch(page)
            assert migration_of(run)["status"] == "rolled-back"
            behaved(seen)


@pytest.mark.alone
@pytest.mark.timeout(240)  # it may take several attempts
def test_a_migration_is_started_watched_and_judged(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    # With few queries a second chance alone makes more misses in one than in another.
    given |= {"BIND_ADDRESS": f"127.0.0.1:{free_port()}", "QUERIES_PER_SECOND": "1000"}
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        with browse(run.link) as (page, seen):
            expect(page.locator("#connection")).to_have_text("live")
            page.locator("[data-chart=queries]").scroll_into_view_if_needed()
            wait_for(lambda: painted(page, "queries", BLUE) > 20, "a line of a chart")
            name = page.locator("[data-chart=queries] .chart-plot").get_attribute("aria-label") or ""
            assert "held: " in name
            for attempt in range(ATTEMPTS):
                if attempt:
                    begin_again(page)
                until_calm(run)
                start(page, "replicate")
                shown = verdict(page)
                found = migration_of(run)["verdict"]
                assert shown == found["status"].upper()
                failed = {each["name"] for each in found["criteria"] if each["status"] == "failed"}
                # A machine that does something else meanwhile may spoil what is about time, and nothing else.
                assert failed <= about("time")
                if shown == "PASS":
                    break
                assert attempt < ATTEMPTS - 1, json.dumps(found, indent=1)
            expect(page.locator("#outcome-word")).to_have_text("PASS: replicate")
            expect(report_of(page).locator("body")).to_contain_text("PASS")
            # What shows the run is still there.
            expect(page.locator("#connection")).to_have_text("live")
            with page.expect_download() as saved_report:
                page.click("#report-download")
            assert "Verdict: PASS" in Path(saved_report.value.path()).read_text()
            behaved(seen)
        run.interrupt()
        assert run.wait() == 0
    saved = max((tmp_path / "runs").glob("*/run.json")).parent
    (tmp_path / "view").mkdir()
    with command(tmp_path / "view", "view", str(saved)) as view:
        address = wait_for(lambda: re.search(r"serving (http://\S+)/ ", view.stderr), "an address")[1]
        with browse(address) as (page, seen):
            expect(page.locator("#connection")).to_have_text("saved run")
            expect(page.locator("#verdict")).to_have_text("PASS")
            expect(page.locator("#actions")).to_be_hidden()
            page.locator("[data-chart=queries]").scroll_into_view_if_needed()
            wait_for(lambda: painted(page, "queries", BLUE) > 20, "a line of a chart")
            look_for_barriers(page)
            expect(report_of(page).locator("body")).to_contain_text("PASS")
            behaved(seen)
        view.interrupt()
        assert view.wait() == 0


def test_a_token_is_asked_for_what_is_wrong_is_said_and_a_lost_connection_found_again(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given, CONTROL_TOKEN=TOKEN) as run:
        run.until_running(200)
        with browse(run.address) as (page, seen):
            expect(page.locator("#connection")).to_have_text("live")
            look_for_barriers(page)
            give_the_token(page)
            assert json.loads(run.get("/control")[1])["events_per_second"] == 20
            choose_each_preset(page, run)
            start(page, "copy", rollout="soon")
            error = page.locator("#dialog-migrate .error")
            expect(error).to_contain_text("rollout")
            assert page.locator("[name=rollout][aria-invalid=true]").count() == 1
            look_for_barriers(page)
            page.keyboard.press("Escape")
            # By keyboard alone: open, change, confirm.
            page.locator("[data-opens=load]").focus()
            page.keyboard.press("Enter")
            page.locator("#dialog-load [name=queries_per_second]").fill("many")
            page.keyboard.press("Enter")
            expect(page.locator("#dialog-load .error")).to_contain_text("give a number")
            page.locator("#dialog-load [name=queries_per_second]").fill("150")
            page.keyboard.press("Enter")
            expect(page.locator("#done")).to_have_text("The load was changed.")
            assert json.loads(run.get("/control")[1])["queries_per_second"] == 150
            # What was refused is in the console of any browser; nothing else may be.
            assert [each for each in seen.problems if "401" not in each and "422" not in each] == []
            run.process.send_signal(signal.SIGSTOP)
            try:
                expect(page.locator("#lost")).to_be_visible(timeout=20_000)
                expect(page.locator("#connection")).to_have_text("not connected")
            finally:
                run.process.send_signal(signal.SIGCONT)
            expect(page.locator("#connection")).to_have_text("live")
            expect(page.locator("#lost")).to_be_hidden()
            seconds = [row["second"] for row in json.loads(run.get("/api/timeline")[1])]
            assert seconds == list(range(len(seconds)))
            assert seen.strangers == []
        with browse(run.address, dark=True, width=390) as (page, seen):
            expect(page.locator("#connection")).to_have_text("live")
            look_for_barriers(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            run.interrupt()
            expect(page.locator("#ended")).to_be_visible()
            expect(page.locator("#connection")).to_have_text("ended")
            run.wait()


@pytest.mark.matrix
@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_saved_run_fits_a_phone_and_offers_nothing_that_it_cannot_do(tmp_path: Path, status: str) -> None:
    found = {"fail": "failed", "unknown": "unknown"}[status]
    made = made_document(status, **dict.fromkeys(CRITERIA, found))
    for criterion in made["verdict"]["criteria"]:
        criterion["reason"] = "a reason that takes some words to say, and names rehearsal:events:12:page_view:1795000"
    made["migration"]["reason"] = made["migration"]["steps"][0]["detail"] = (
        "redis://127.0.0.1:6379/" + 30 * "0123456789"
    )
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "run.json").write_text(json.dumps(made))
    with command(tmp_path, "view", "saved") as view:
        address = wait_for(lambda: re.search(r"serving (http://\S+)/ ", view.stderr), "an address")[1]
        with browse(address, width=390) as (page, seen):
            expect(page.locator("#outcome")).to_be_visible()
            expect(page.locator("#criteria tbody tr")).to_have_count(len(made["verdict"]["criteria"]))
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            said = page.locator("#outcome-next").inner_text()
            assert "reset" not in said
            assert "rehearse again" in said
            expect(page.locator("#outcome-reset")).to_be_hidden()
            assert seen.problems == []
        view.interrupt()
        assert view.wait() == 0
