"""What the site is made of: links that lead out of it get a page, and all else stays as it is written."""

from pathlib import Path

import pytest
from tools.site.navigation import pages
from tools.site.sample import DOCUMENTS, SAMPLE
from tools.site.sources import lay_out


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    for name in ("README", *pages()):
        path = made / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    (made / "action.yml").write_text("name: an action\n")
    (made / "docs" / "picture.png").touch()
    return made


def laid_out(root: Path) -> Path:
    run = root.parent / "run"
    run.mkdir()
    for name in DOCUMENTS:
        (run / name).write_text('{"verdict": {"status": "pass"}}')
    lay_out(root, run, root.parent / "sources")
    return root.parent / "sources"


@pytest.mark.parametrize(
    ("written", "led"),
    [
        ("[a](compare.md#rounds)", "[a](compare.md#rounds)"),
        ("[a](https://example.com/action.yml)", "[a](https://example.com/action.yml)"),
        ("![a](picture.png)", "![a](picture.png)"),
        ("[a](../action.yml)", "[a](../action.yml.md)"),
        ("[a](../README.md#more) and [b](../action.yml)", "[a](../index.md#more) and [b](../action.yml.md)"),
        # What is missing must not get a page: Sphinx is to complain.
        ("[a](../missing.yml)", "[a](../missing.yml)"),
        ("[a](../../run/run.json)", "[a](../../run/run.json)"),
    ],
)
def test_where_links_lead(root: Path, written: str, led: str) -> None:
    (root / "docs" / "strategies.md").write_text(f"# Strategies\n\n{written}\n")
    sources = laid_out(root)
    assert (sources / "docs" / "strategies.md").read_text() == f"# Strategies\n\n{led}\n"
    assert (sources / "action.yml.md").exists() == ("action.yml.md" in led)


def test_the_readme_is_the_first_page_and_has_the_navigation(root: Path) -> None:
    text = (laid_out(root) / "index.md").read_text()
    assert text.startswith("# README\n")
    for page in pages():
        assert f"\n{page}\n" in text or f"<{page}>\n" in text
    assert not (root.parent / "sources" / "README.md").exists()


def test_the_documents_of_the_run_come_along(root: Path) -> None:
    sources = laid_out(root)
    assert {path.name for path in (sources / SAMPLE).iterdir()} == set(DOCUMENTS)
    assert "**pass**" in (sources / f"{SAMPLE}.md").read_text()
