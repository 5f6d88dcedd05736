"""The pages of docs/: their links lead somewhere, and what must be described is."""

import re
from pathlib import Path

import pytest
from tools.site.navigation import pages
from tools.site.sample import SAMPLE

from redis_rehearsal.errors import BUG_EXIT_CODE
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.verification.reasons import Cause
from tests.plugins import CRITERION, STRATEGY

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), link
        assert not anchor or anchor in anchors(found), link


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {link.partition("#")[0] for link in _LINK.findall(index)}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    # The README is the first page, which all others are below.
    assert sorted([*pages(), "README"]) == sorted(
        [*(str(page.relative_to(ROOT).with_suffix("")) for page in PAGES), SAMPLE]
    )


@pytest.mark.parametrize("name", ["README.md", "docs/in-ci.md", "docs/compare.md", "docs/preflight.md"])
def test_where_exit_codes_are_told_that_of_an_error_of_the_tool_is(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    lists = re.findall(r"^.*Exit codes.*(?:\n(?!\n).*)*|^\| exit code \|.*(?:\n\|.*)*", page, re.MULTILINE)
    assert lists
    for told in lists:
        assert re.search(rf"\b{BUG_EXIT_CODE}\b", told), told


def test_every_cause_of_what_is_unknown_is_named() -> None:
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert [cause for cause in Cause if f"`{cause}`" not in page] == []


def test_every_criterion_is_described_with_its_limit() -> None:
    page = (ROOT / "docs" / "reading-the-verdict.md").read_text(encoding="utf-8")
    described = set(re.findall("^### `([a-z0-9_]+)`$", page, re.MULTILINE))
    assert described == set(CRITERIA)
    for limit in Limits.model_fields:
        assert f"`--{limit.replace('_', '-')}`" in page, limit


def test_every_strategy_has_a_row_of_its_own() -> None:
    page = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    assert re.findall("^\\| `([a-z-]+)` \\|", page, re.MULTILINE) == list(STRATEGIES)


def test_what_another_package_may_look_like_is_what_is_tested() -> None:
    page = (ROOT / "docs" / "your-own-strategies.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown == [path.read_text(encoding="utf-8") for path in (STRATEGY, CRITERION)]


def test_the_action_names_the_strategies_that_it_can_rehearse() -> None:
    *others, last = (name for name, strategy in STRATEGIES.items() if strategy.switches)
    assert f"description: {', '.join(others)} or {last}; several" in (ROOT / "action.yml").read_text(encoding="utf-8")
