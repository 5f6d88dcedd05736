"""The dialogs of the live page, who may use them, and what they ask for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.browser import CHROMIUM, NO_BROWSER, browse
from tests.acceptance.evidence import counters
from tests.acceptance.paging import behaved, migration_of, open_dialog, start, unfold, verdict
from tests.acceptance.rehearsing import outside
from tests.plugins import install_example
from tests.support import command, elsewhere, wait_for

pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)


@contextlib.contextmanager
def open_to_others(tmp_path: Path, given: dict[str, str]) -> Iterator[str]:
    """A run that listens on all addresses; the link of its page from another machine."""
    address = elsewhere()
    with command(tmp_path, "run", **{**given, "BIND_ADDRESS": "0.0.0.0:0"}) as run:
        run.until_running(200)
        yield run.link.replace("127.0.0.1", address)


def test_from_another_machine_the_page_shows_nothing_without_the_token(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with open_to_others(tmp_path, given) as link:
        place, _, token = link.partition("#token=")
        with browse(place) as (page, seen):
            expect(page.locator("#connection")).to_have_text("needs the token")
            expect(page.locator("#route-text")).to_have_text("")
            page.fill("#dialog-token [name=token]", unquote(token))
            page.click("#dialog-token [type=submit]")
            expect(page.locator("#connection")).to_have_text("live")
            expect(page.locator("#route-text")).to_have_text("Reads go to source, writes to source.")
            assert [each for each in seen.problems if "401" not in each] == []


@pytest.mark.matrix
def test_from_another_machine_the_report_is_saved_with_the_token(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with open_to_others(tmp_path, given) as link, browse(link) as (page, seen):
        expect(page.locator("#connection")).to_have_text("live")
        start(page, "cold", baseline="1s", observe="1s")
        assert verdict(page) in ("FAIL", "UNKNOWN")
        with page.expect_download() as download:
            page.click("#report-link")
        assert "<!doctype html>" in download.value.path().read_text()
        behaved(seen)


@pytest.mark.parametrize(("width", "height"), [(1400, 900), pytest.param(390, 844, marks=pytest.mark.matrix)])
def test_what_confirms_and_what_is_wrong_are_in_sight(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer, width: int, height: int
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(100)
        with browse(run.link, width=width) as (page, seen):
            page.set_viewport_size({"width": width, "height": height})
            expect(page.locator("#connection")).to_have_text("live")
            open_dialog(page, "migrate")
            confirm = page.locator("#dialog-migrate [type=submit]")
            expect(confirm).to_be_in_viewport(ratio=1)
            # What is wrong in a part that is folded opens it.
            unfold(page)
            page.fill("#dialog-migrate [name=max_query_downtime]", "soon")
            for summary in page.locator("#dialog-migrate details[open] summary").all()[::-1]:
                summary.click()
            confirm.click()
            error = page.locator("#dialog-migrate .error")
            expect(error).to_contain_text("max_query_downtime")
            expect(error).to_be_in_viewport(ratio=1)
            expect(confirm).to_be_in_viewport(ratio=1)
            expect(page.locator("#dialog-migrate [name=max_query_downtime]")).to_be_focused()
            expect(page.locator("#dialog-migrate [name=max_query_downtime]")).to_be_visible()
            # Nothing is wider than the window.
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert [each for each in seen.problems if "422" not in each] == []


@pytest.mark.matrix
def test_what_is_asked_for_in_the_dialog_is_what_the_migration_has(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(100)
        with browse(run.link) as (page, seen):
            open_dialog(page, "migrate")
            unfold(page)
            page.check("input[name=strategy][value=copy]")
            asked = {
                "baseline": "60s",
                "freeze_bound": "4s",
                "copy_rate": "5000",
                "max_lost": "3",
                "max_event_downtime": "1s",
                "max_recovery": "90s",
                "abort_if": "p99=2s, failed=5%",
            }
            for name, value in asked.items():
                page.fill(f"#dialog-migrate [name={name}]", value)
            page.check("#dialog-migrate [name=then]")
            page.check("#dialog-migrate [name=rollback_on_fail]")
            page.click("#dialog-migrate [type=submit]")
            expect(page.locator("#done")).to_have_text("The migration (copy) has begun.")
            options = migration_of(run)["options"]
            found = {name: options[name] for name in [*asked, "then", "rollback_on_fail", "strategy"]}
            assert found == {
                "baseline": 60.0,
                "freeze_bound": 4.0,
                "copy_rate": 5000.0,
                "max_lost": 3,
                "max_event_downtime": 1.0,
                "max_recovery": 90.0,
                "abort_if": ["p99=2s", "failed=5%"],
                "then": "rollback",
                "rollback_on_fail": True,
                "strategy": "copy",
            }
            # How long the baseline still lasts is said.
            expect(page.locator("#left")).to_contain_text(" s left")
            behaved(seen)


@pytest.mark.matrix
def test_the_way_back_that_keeps_what_was_written_is_offered_once_it_is_there_and_keeps_it(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(200)
        with browse(run.link) as (page, seen):
            start(page, "copy", observe="90s")
            expect(page.locator("#done")).to_have_text("The migration (copy) has begun.")
            open_dialog(page, "rollback")
            expect(page.locator("#go-back")).to_be_hidden()
            page.click("#dialog-rollback [data-closes]")
            expect(page.locator("#phase")).to_have_text("recovery", timeout=60_000)
            events = run.stats()["totals"]["events"]["ok"]
            wait_for(lambda: run.stats()["totals"]["events"]["ok"] > events + 200, "events on the target")
            open_dialog(page, "rollback")
            expect(page.locator("#rollback-cost")).to_contain_text("increments were acknowledged")
            page.click("#go-back")
            expect(page.locator("#done")).to_have_text("The way back has begun, with what was written meanwhile.")
            expect(page.locator("#route-text")).to_contain_text("writes to source", timeout=60_000)
            behaved(seen)
        run.interrupt()
        document = run.document()
    ledger = document["ledger"]
    assert [ledger[name] for name in ("lost", "duplicated", "stranded")] == [0, 0, 0]
    with outside(source) as client:
        assert counters(client) == ledger["acknowledged"]


@pytest.mark.matrix
def test_a_strategy_of_another_package_is_offered_with_its_options(
    tmp_path: Path, given: dict[str, str], fresh_target: RedisServer
) -> None:
    given |= {"PYTHONPATH": str(install_example(tmp_path / "plugin"))}
    with command(tmp_path, "run", **given) as run:
        run.until_running(100)
        with browse(run.link) as (page, seen):
            expect(page.locator("#connection")).to_have_text("live")
            open_dialog(page, "migrate")
            pause = page.get_by_label("how long nobody writes before the switch.")
            expect(pause).to_be_hidden()
            page.check("input[name=strategy][value=paused]")
            expect(pause).to_be_visible()
            expect(page.locator("#dialog-migrate [name=command]")).to_be_hidden()
            page.click("#dialog-migrate [data-closes]")
            start(page, "paused", baseline="1s", observe="1s", pause="200ms")
            assert verdict(page) == "FAIL"
            migration = migration_of(run)
            assert migration["options"]["pause"] == 0.2
            expect(page.locator("#criteria")).to_contain_text("longest_freeze")
            behaved(seen)
