"""The documentation as a site, made of a clean copy of the repository."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest
from tools.site.building import build
from tools.site.navigation import pages
from tools.site.sample import DOCUMENTS, SAMPLE

from tests.acceptance.browser import CHROMIUM, NO_BROWSER, browse
from tests.deploy.conftest import ROOT
from tests.deploy.html_links import HtmlLinks, is_elsewhere, loaded_by_css, parts_of

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.timeout(600),  # three rehearsals, where the machine is busy
    pytest.mark.skipif(find_spec("sphinx") is None, reason="Sphinx is not installed (make site does that)"),
]
REPORT = f"{SAMPLE}/report.html"


def copy(place: Path) -> Path:
    """The repository without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 # the user's
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = copy(tmp_path_factory.mktemp("repository"))
    # The sample must not be of servers that the user has set.
    given = os.environ | {"REDIS_URL": "redis://not-for-everybody.invalid", "LOAD": "none"}
    done = subprocess.run([sys.executable, "-m", "tools.site"], cwd=place, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert f"python3 -m http.server --bind 127.0.0.1 --directory {place / 'site'} 8000" in done.stdout
    return place / "site"


@pytest.fixture(scope="module")
def read(site: Path) -> dict[Path, HtmlLinks]:
    found = {path: HtmlLinks(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(found) > len(pages())
    return found


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the name that it has there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_link_and_anchor_leads_somewhere(site: Path, read: dict[Path, HtmlLinks]) -> None:
    followed = 0
    for path, page in read.items():
        if path == site / REPORT:
            continue  # it has tests of its own
        for link in (*page.links, *page.loaded):
            if is_elsewhere(link):
                assert link.startswith("https://"), (path, link)
                continue
            name, anchor = parts_of(link)
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), (path, link)
            assert target.is_relative_to(site), (path, link)
            assert not anchor or anchor in read[target].anchors, (path, link)
            followed += 1
    assert followed > len(read)


def test_nothing_is_loaded_from_another_host(site: Path, read: dict[Path, HtmlLinks]) -> None:
    assert [link for page in read.values() for link in page.loaded if is_elsewhere(link)] == []
    styles = list(site.rglob("*.css"))
    assert styles
    for path in styles:
        assert [link for link in loaded_by_css(path.read_text(encoding="utf-8")) if is_elsewhere(link)] == []


def test_every_page_is_in_the_navigation(site: Path, read: dict[Path, HtmlLinks]) -> None:
    shown = set(read[site / "index.html"].navigation)
    written = {f"docs/{page.stem}.html" for page in (ROOT / "docs").glob("*.md")}
    assert {*written, "CHANGELOG.html", "CONTRIBUTING.html", "SECURITY.html", f"{SAMPLE}.html"} <= shown


def test_the_first_page_is_the_readme(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    for heading in ("One command", "What it measures, and how", "More"):
        assert f"## {heading}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
        assert f"<h2>{heading}<" in text


def test_a_file_outside_the_docs_is_shown_and_can_be_saved(site: Path, read: dict[Path, HtmlLinks]) -> None:
    example = "deploy/examples/github-actions.yml"
    assert f"../{example}.html" in read[site / "docs" / "in-ci.html"].links
    (saved,) = [link for link in read[site / f"{example}.html"].links if link.endswith(Path(example).name)]
    assert (site / example).parent.joinpath(saved).read_bytes() == (ROOT / example).read_bytes()


def test_the_report_of_a_rehearsal_is_there_and_linked(site: Path, read: dict[Path, HtmlLinks]) -> None:
    for name in DOCUMENTS:
        assert f"{SAMPLE}/{name}" in read[site / f"{SAMPLE}.html"].links
        text = (site / SAMPLE / name).read_text(encoding="utf-8")
        assert "not-for-everybody" not in text
        assert str(site.parent) not in text
    document = json.loads((site / SAMPLE / "run.json").read_text(encoding="utf-8"))
    assert document["complete"]
    verdict = document["verdict"]["status"]
    assert verdict in ("pass", "fail", "unknown")
    assert (site / SAMPLE / "report.md").read_text(encoding="utf-8").startswith(f"## {verdict.upper()}")
    assert f"<strong>{verdict}</strong>" in (site / f"{SAMPLE}.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)
@pytest.mark.parametrize("width", [1400, 390])
def test_a_browser_shows_it_whole_and_asks_nobody_else(address: str, width: int) -> None:
    with browse(f"{address}/index.html", width=width) as (page, seen):
        for name in pages():
            page.goto(f"{address}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        page.goto(f"{address}/search.html?q=stranded")
        page.locator("#search-results li").first.wait_for()
        assert seen.problems == []
        # It has no icon, so that a browser looks for one where the site has none.
        page.goto(f"{address}/{REPORT}")
        page.wait_for_load_state("networkidle")
        assert seen.strangers == []


def test_it_is_not_built_where_a_link_is_broken_or_a_page_is_not_in_the_navigation(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = copy(tmp_path / "repository")
    (root / "docs" / "forgotten.md").write_text("# Forgotten\n")
    with (root / "docs" / "strategies.md").open("a") as page:
        page.write("\n[a](no-page.md) [b](compare.md#no-heading) [c](../deploy/no-file.yml) [d](#nor-here)\n")
    run, before = site / SAMPLE, tmp_path / "site"
    before.mkdir()
    with pytest.raises(SystemExit, match="not built"):
        build(root, run, before)
    assert list(before.iterdir()) == []
    said = capfd.readouterr().err
    for wrong in ("no-page.md", "no-heading", "../deploy/no-file.yml", "nor-here"):
        (line,) = [line for line in said.splitlines() if f"'{wrong}'" in line]
        assert line.startswith("docs/strategies.md:"), line
    assert any(line.startswith("docs/forgotten.md") and "toctree" in line for line in said.splitlines())
