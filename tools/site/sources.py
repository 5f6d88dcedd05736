"""What the site is made of: the pages as they stand in the repository, so that they can be read there, too."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

from tools.site import sample
from tools.site.navigation import contents, pages

_LINK: Final = re.compile(r"(?<!!)(\[[^\]]*\]\()([^)\s#]+)")
_LANGUAGES: Final = {".yml": "yaml", ".json": "json", ".sh": "bash", ".toml": "toml", "Dockerfile": "docker"}


def lay_out(root: Path, run: Path, place: Path) -> None:
    """Put together what Sphinx reads.

    Args:
        root: the repository.
        run: the directory of the rehearsal that is shown.
        place: where it goes; is made.
    """
    shutil.copytree(root / "docs", place / "docs")
    documents = place / sample.SAMPLE
    documents.mkdir()
    for name in sample.DOCUMENTS:
        shutil.copy(run / name, documents)
    (place / f"{sample.SAMPLE}.md").write_text(sample.page(run), encoding="utf-8")
    beside = [root / f"{page}.md" for page in pages() if "/" not in page and page != sample.SAMPLE]
    for path in [root / "README.md", *beside, *sorted((root / "docs").rglob("*.md"))]:
        _page(root, path, place)


def _page(root: Path, path: Path, place: Path) -> None:
    """A page, and those of the files that it links to: the address of a repository where they are is not known."""

    def led(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(path.parent / link[2]))
        if target == root / "README.md":
            target = root / "index.md"
        elif target.suffix == ".md" or not target.is_relative_to(root) or not target.is_file():
            return link[0]
        else:
            _file(target.relative_to(root), target, place)
            target = target.with_name(f"{target.name}.md")
        return link[1] + Path(os.path.relpath(target, path.parent)).as_posix()

    text = _LINK.sub(led, path.read_text(encoding="utf-8"))
    name = path.relative_to(root)
    if path == root / "README.md":
        name, text = Path("index.md"), text + contents()
    (place / name).write_text(text, encoding="utf-8")


def _file(name: Path, path: Path, place: Path) -> None:
    """A page that shows a file, which can be saved from there."""
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place / name)
    language = _LANGUAGES.get(name.suffix or name.name, "text")
    (place / name).with_name(f"{name.name}.md").write_text(
        f"---\norphan: true\n---\n\n# {name.as_posix()}\n\n{{download}}`Save it <{name.name}>`\n\n"
        f"```{{literalinclude}} {name.name}\n:language: {language}\n```\n",
        encoding="utf-8",
    )
