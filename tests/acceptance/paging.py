"""What tests of the live page need: acting on it, and seeing that it behaved."""

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.acceptance.browser import Seen
from tests.support import Command, wait_for

ATTEMPTS = 5
TOKEN = "a-token-of-the-test-which-is-long"


def open_dialog(page: Page, name: str) -> None:
    """Click its button, and again where the page moved under the pointer between press and release, as people do."""

    def is_open() -> bool:
        page.click(f"[data-opens={name}]")
        return page.locator(f"#dialog-{name}").is_visible()

    wait_for(is_open, f"the dialog {name}")


def start(page: Page, strategy: str, **fields: str) -> None:
    """Start a migration by the page's own dialog."""
    open_dialog(page, "migrate")
    unfold(page)
    page.check(f"input[name=strategy][value={strategy}]")
    for name, value in {"baseline": "5s", "observe": "10s", **fields}.items():
        page.fill(f"#dialog-migrate [name={name}]", value)
    page.check("#dialog-migrate [name=clear_target]")
    page.check("#dialog-migrate [name=allow_server_wide]")
    page.click("#dialog-migrate [type=submit]")


def unfold(page: Page) -> None:
    """Open what of the dialog is folded."""
    for summary in page.locator("#dialog-migrate details:not([open]) summary").all()[::-1]:
        summary.click()


def verdict(page: Page) -> str:
    """Wait for a verdict, and read it off the page."""
    label = page.locator("#verdict-label")
    expect(label).to_have_text("Verdict", timeout=60_000)
    return page.locator("#verdict").inner_text()


def migration_of(run: Command) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.get("/stats")[1])["migration"]
    return document


def behaved(seen: Seen) -> None:
    assert seen.problems == []
    assert seen.strangers == []
