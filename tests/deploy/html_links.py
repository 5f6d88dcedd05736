"""What a page of HTML leads to and what it loads, read without what wrote it."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

_LOADED = {
    **dict.fromkeys(("script", "img", "source", "video", "audio", "iframe", "embed", "input", "track"), ("src",)),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
# Of <link>, what only says where another page is.
_TOLD = {"index", "search", "next", "prev", "canonical", "author", "license", "help"}
_STYLE = re.compile(r"""(?:@import\s+|url\(\s*)["']?([^"')\s;]+)""")


def loaded_by_css(text: str) -> list[str]:
    return _STYLE.findall(text)


class HtmlLinks(HTMLParser):
    """A page's references.

    Attributes:
        links: where its links lead.
        loaded: what a browser fetches for it.
        anchors: the places in it that a link can name.
        navigation: the links of its navigation.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors = {"", "top"}
        self.navigation: list[str] = []
        self._aside = 0
        self._in_style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self._aside += tag == "aside"
        self._in_style = tag == "style"
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
            if self._aside:
                self.navigation.append(given["href"])
        if tag == "link" and "href" in given:
            told = set(given.get("rel", "").lower().split()) <= _TOLD
            (self.links if told else self.loaded).append(given["href"])
        self.loaded += [given[name] for name in (*_LOADED.get(tag, ()), "poster") if name in given]
        self.loaded += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        self.loaded += loaded_by_css(given.get("style", ""))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.loaded.append(given.get("content", "").partition("=")[2])

    def handle_endtag(self, tag: str) -> None:
        self._aside -= tag == "aside"
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.loaded += loaded_by_css(data)


def is_elsewhere(link: str) -> bool:
    """Whether another host is asked for it."""
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "blob")


def parts_of(link: str) -> tuple[str, str]:
    """The path and the anchor of a link within a site."""
    parts = urlsplit(link)
    return unquote(parts.path), unquote(parts.fragment)
