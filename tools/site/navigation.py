"""In which order the site shows the pages, by what a reader wants."""

from typing import Final

from tools.site.sample import SAMPLE

NAVIGATION: Final[dict[str, tuple[str, ...]]] = {
    "Start here": ("docs/first-rehearsal", SAMPLE, "docs/live-page", "All pages <docs/README>"),
    "Rehearse": (
        "docs/strategies",
        "docs/your-own-servers",
        "docs/your-own-tool",
        "docs/your-own-strategies",
        "docs/configuration",
        "docs/data-types",
    ),
    "Read what came of it": ("docs/reading-the-verdict", "docs/report"),
    "Look at the servers": ("docs/preflight", "docs/compare"),
    "Automate": ("docs/in-ci", "docs/control-api"),
    "Watch": ("docs/metrics", "Dashboards and Docker <docs/docker>"),
    "Trust": ("docs/security", "docs/performance", "docs/simulation", "docs/architecture", "docs/licences"),
    "The project": ("CHANGELOG", "CONTRIBUTING", "SECURITY"),
}
"""Under each heading its pages, without `.md`; the first page of all is the README."""


def pages() -> list[str]:
    """All pages of the navigation, as paths without `.md`."""
    return [page.partition("<")[2].rstrip(">") or page for part in NAVIGATION.values() for page in part]


def contents() -> str:
    """The navigation as Sphinx reads it, at the end of the first page."""
    made = ["\n```{toctree}\n:hidden:\nOverview <self>\n```\n"]
    for heading, entries in NAVIGATION.items():
        listed = "\n".join(entries)
        made.append(f"\n```{{toctree}}\n:caption: {heading}\n:hidden:\n{listed}\n```\n")
    return "".join(made)
