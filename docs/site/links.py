"""Links of a built site that lead nowhere: to pages or places that are not there."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.places.add(value)
            elif name in ("href", "src") and value and tag in ("a", "img", "script", "link"):
                self.links.append(value)


def read(path: Path) -> _Page:
    """Return the links and places of a page."""
    page = _Page()
    page.feed(path.read_text())
    return page


def broken_links(folder: Path) -> list[str]:
    """Return links that lead nowhere, each with its page; those to other sites are not followed."""
    pages = {path.resolve(): read(path) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            if link.startswith(("http:", "https:", "mailto:", "data:", "javascript:")):
                continue
            where, place = urldefrag(link)
            target = (path.parent / unquote(where).partition("?")[0]).resolve() if where else path
            if not target.exists():
                found.append(f"{path.relative_to(folder.resolve())}: {link}")
            elif place and target in pages and unquote(place) not in pages[target].places:
                found.append(f"{path.relative_to(folder.resolve())}: {link}: there is no such place")
    return found
