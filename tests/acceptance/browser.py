"""A real browser for the live page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), "")
NO_BROWSER = "no Chromium is installed (Debian: apt-get install chromium)"

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Seen:
    """What a page did that it should not.

    Attributes:
        problems: errors in its console or its scripts.
        strangers: requests to anything but the run.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.strangers: list[str] = []


@contextmanager
def browse(address: str, *, dark: bool = False, width: int = 1280) -> Iterator[tuple[Page, Seen]]:
    """Open a run's page."""
    seen = Seen()
    own = urlsplit(address).netloc
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        # A person's browser is on another machine: here it must not take the processor from what is measured.
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if "chrom" in process.name():
                    process.nice(19)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        page.set_default_timeout(30_000)
        page.on("console", lambda said: seen.problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if urlsplit(request.url).netloc == own or request.url.startswith(("data:", "blob:"))
                else seen.strangers.append(request.url)
            ),
        )
        page.goto(address)
        try:
            yield page, seen
        finally:
            browser.close()


def picture(page: Page, path: Path) -> None:
    """Keep what is seen, for the person who looks into a failure."""
    page.screenshot(path=path, full_page=True)


def painted(page: Page, chart: str, color: str | None = None) -> int:
    """How many pixels of a chart are painted, or are of a colour such as `#0072b2`; 0 of one that is not drawn."""
    canvases = page.locator(f"[data-chart={chart}] canvas")
    if not canvases.count():
        return 0
    found = canvases.first.evaluate(
        """(canvas, color) => {
            if (!canvas.width || !canvas.height) return 0;
            // A copy is read, since reading changes how a browser keeps a canvas.
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [canvas.width, canvas.height];
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            const wanted = color && [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
            let count = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (wanted ? wanted.every((value, at) => data[i + at] === value) : data[i + 3]) count += 1;
            }
            return count;
        }""",
        color,
    )
    assert isinstance(found, int)
    return found
