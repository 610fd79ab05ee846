"""`make docs-check`: the built site as a reader has it, in a real browser, from its folder and without a network.

    python scripts/check_site.py SITE SCREENSHOTS

Holds that every link within the site leads to a page and a place that are there, that no page fetches anything from
elsewhere, that every public name has its entry, that every page loads without an error in the console, that none is
wider than a phone, and that the search finds pages. Saves screenshots of some pages, on a desk and on a phone, light
and dark, to be looked at.

Needs Chromium and its driver: `apt-get install chromium chromium-driver`, or CHROMIUM= and CHROMEDRIVER=.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)
_DESK, _PHONE = (1280, 900), (390, 844)
_SHOWN = ("index.html", "troubleshooting.html", "features.html", "reference/langchain.html", "architecture.html")
_SEARCHES = {"Retry-After": "retry_after", "LostCreateError": "LostCreateError", "prompt caching": "cach"}
"""What a reader looks for, and what stands in the results then."""


class _Page(HTMLParser):
    """A page's places, its links, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        is_loaded = tag in {"script", "img", "iframe", "source", "video", "audio"} or (
            tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload", "preconnect"}
        )
        self.fetched += [given[name] for name in ("src", "href", "data") if is_loaded and name in given]


def main(site: Path, screenshots: Path) -> int:
    """Check the site; the return value is the exit code."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    dead = [f"{path}: {link}" for path, page in pages.items() for link in page.links if not _leads(path, link, pages)]
    foreign = [f"{path}: {link}" for path, page in pages.items() for link in page.fetched if urlsplit(link).netloc]
    screenshots.mkdir(parents=True, exist_ok=True)
    wide: list[str] = []
    with _browser() as browser:
        said = {path: _load(browser, path) for path in pages}
        found = {words: _search(browser, site / "index.html", words, screenshots) for words in _SEARCHES}
        for name in _SHOWN:
            _shoot(browser, site / name, screenshots)
        for path in pages:
            _load(browser, path, _PHONE)
            if (width := browser.execute_script("return document.scrollingElement.scrollWidth")) > _PHONE[0]:
                wide.append(f"{path} is {width} px wide")
    errors = [f"{path}: {line}" for path, lines in said.items() for line in lines]
    unfound = [words for words, wanted in _SEARCHES.items() if wanted.lower() not in found[words].lower()]
    links = sum(len(page.links) for page in pages.values())
    print(f"{len(pages)} pages, {links} links, {len(found)} searches; screenshots in {screenshots}")
    problems = 0
    for title, ones in (
        ("dead links", dead),
        ("public names without an entry", _without_entry(pages)),
        ("fetched from elsewhere", foreign),
        ("errors in the console", errors),
        ("searches without their result", unfound),
        ("wider than a phone", wide),
    ):
        print(f"{title}: {len(ones)}")
        for one in ones:
            print(f"  {one}")
        problems += len(ones)
    return 1 if problems else 0


def _without_entry(pages: dict[Path, _Page]) -> list[str]:
    """The names that a page of docs/reference is to describe, and that have no place on any page of the site."""
    sources = (Path(__file__).parents[1] / "docs" / "reference").glob("*.md")
    named = [line.split()[1] for path in sources for line in path.read_text().splitlines() if line.startswith("::: ")]
    places = set().union(*(page.places for page in pages.values()))
    return [name for name in named if name not in places]


def _leads(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    """Whether a link within the site leads anywhere. Other sites are not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.is_file() and not parts.fragment
    return not parts.fragment or unquote(parts.fragment) in pages[target].places


@contextmanager
def _browser() -> Iterator[Any]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    if not (program and driver):
        sys.exit(
            "Chromium and its driver are needed: apt-get install chromium chromium-driver, or name them in "
            "CHROMIUM= and CHROMEDRIVER=."
        )
    with tempfile.TemporaryDirectory() as home:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*_FLAGS, f"--user-data-dir={home}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            yield browser
        finally:
            browser.quit()


def _load(browser: Any, path: Path, size: tuple[int, int] = _DESK) -> list[str]:
    """What the console says while a page is loaded."""
    _resize(browser, size)
    browser.get(path.resolve().as_uri())
    return [f"{entry['level']}: {entry['message']}" for entry in browser.get_log("browser")]


def _resize(browser: Any, size: tuple[int, int]) -> None:
    """By the device, since a headless window is no narrower than 500 px."""
    width, height = size
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )


def _search(browser: Any, path: Path, words: str, screenshots: Path) -> str:
    """What the search shows for some words."""
    _load(browser, path)
    wait = WebDriverWait(browser, 30)
    wait.until(lambda _: browser.execute_script("return document.readyState") == "complete")
    time.sleep(0.5)  # the theme listens for keys only then
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    entry = wait.until(lambda _: _entry(browser))
    entry.send_keys(words)

    def results(_: Any) -> str | None:
        shown = str(_dialog(browser).text)
        return shown if "results" in shown or "result" in shown else None

    shown = str(wait.until(results))
    browser.save_screenshot(str(screenshots / f"search-{words.lower().replace(' ', '-')}.png"))
    return shown


def _dialog(browser: Any) -> Any:
    """The search, which the theme keeps in a shadow of the page."""
    host = browser.execute_script(
        "return [...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('input'))"
    )
    if host is None:
        return None
    return browser.execute_script("return arguments[0].shadowRoot.firstElementChild", host) or host


def _entry(browser: Any) -> Any:
    return browser.execute_script(
        "const host = [...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('input'));"
        "return host?.shadowRoot.querySelector('input')"
    )


def _shoot(browser: Any, path: Path, screenshots: Path) -> None:
    name = path.stem if path.parent.name != "reference" else f"reference-{path.stem}"
    for size, place in ((_DESK, "desk"), (_PHONE, "phone")):
        for scheme in ("default", "slate"):
            _load(browser, path, size)
            browser.execute_script("document.body.setAttribute('data-md-color-scheme', arguments[0])", scheme)
            time.sleep(0.3)  # colours fade
            dark = "-dark" if scheme == "slate" else ""
            browser.save_screenshot(str(screenshots / f"{name}-{place}{dark}.png"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
