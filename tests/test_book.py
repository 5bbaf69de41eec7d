"""The book: every lesson with its figures and their words, whole links, nothing from elsewhere.

It is made once for all tests here, which takes about ten seconds of one core.
"""

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

pytest.importorskip("sphinx_book_theme")

from tools import build_book

LESSONS = sorted((build_book.ROOT / "notebooks").glob(build_book.LESSON))
NAMES = [lesson.stem for lesson in LESSONS]
# What a page names only to link to it is not loaded with the page.
LOADS = {"script", "img", "iframe", "source", "link", "audio", "video", "object", "embed"}
ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


class Page(HTMLParser):
    """What a page holds: anchors, links, pictures as (file, words), and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.loads: list[str] = []
        self.code = ""
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        address = given.get("src") or given.get("href") or given.get("data")
        self._in_script = tag == "script"
        if tag == "img":
            self.pictures.append((given["src"], given.get("alt", "")))
        if address and tag in LOADS:
            self.loads.append(address)
        elif address and tag == "a":
            self.links.append(address)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.code += data


def faults(pages: dict[str, Page], files: set[str]) -> list[str]:
    """Links that lead nowhere and files that are not there or lie on another host.

    Arguments:
        pages: by their path in the site.
        files: paths of all files in the site.
    """
    complaints = []
    for name, page in pages.items():
        complaints += [f"{name} loads {each}" for each in page.loads if ELSEWHERE.match(each)]
        complaints += [f"{name} runs code that names {each}" for each in code_hosts(page.code)]
        for address in [*page.links, *page.loads]:
            if urlsplit(address).scheme or ELSEWHERE.match(address):
                if not well_formed(address):
                    complaints.append(f"{name} links to {address}, which is no address")
            elif fault := internal_fault(name, address, pages, files):
                complaints.append(f"{name} links to {address}: {fault}")
    return complaints


def code_hosts(code: str) -> list[str]:
    return re.findall(r"https?://[^\s\"']+", code)


def well_formed(address: str) -> bool:
    """Whether an outside address has the form of one; whether it answers cannot be seen here."""
    parts = urlsplit(address)
    host = re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
    return parts.scheme == "https" and host is not None and not re.search(r"\s", address)


def internal_fault(name: str, address: str, pages: dict[str, Page], files: set[str]) -> str:
    parts = urlsplit(address)
    path = name
    if parts.path:
        joined = Path(name).parent / unquote(parts.path)
        path = Path(*_without_dots(joined.parts)).as_posix()
        if path not in files:
            return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and path in pages and anchor not in pages[path].anchors:
        return "no such anchor"
    return ""


def _without_dots(parts: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        else:
            kept.append(part)
    return kept


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages; Sphinx's warnings fail it.

    In a process of its own, because Sphinx leaves its extensions behind in docutils.
    """
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, build_book.__file__, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {
        path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts  # the theme's template lies there
    }


def test_every_lesson_and_every_page_of_the_docs_is_reached_from_the_first_page(
    pages: dict[str, Page],
) -> None:
    links = list(dict.fromkeys(pages["index.html"].links))
    lessons = [link for link in links if link.startswith("notebooks/")]
    assert lessons == [f"notebooks/{name}.html" for name in NAMES]
    docs = {f"docs/{path.stem}.html" for path in (build_book.ROOT / "docs").glob("*.md")}
    assert docs <= set(links)


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_shows_its_stored_pictures_and_says_what_they_show(
    site: Path, pages: dict[str, Page], lesson: Path
) -> None:
    page = f"notebooks/{lesson.stem}.html"
    shown = {
        hashlib.sha256((site / "notebooks" / source).read_bytes()).digest(): words
        for source, words in pages[page].pictures
    }
    stored = stored_pictures(lesson)
    assert stored
    assert shown == stored
    assert all(len(words.split()) >= 3 for words in shown.values())


def stored_pictures(lesson: Path) -> dict[bytes, str]:
    """Alt text by the digest of a picture's bytes."""
    notebook = nbformat.read(lesson, as_version=nbformat.NO_CONVERT)
    return {
        hashlib.sha256(base64.b64decode(output.data["image/png"])).digest(): output.metadata[
            "image/png"
        ]["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    }


def test_links_are_whole_and_nothing_comes_from_another_host(
    site: Path, pages: dict[str, Page]
) -> None:
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert faults(pages, files) == []


@pytest.mark.parametrize(
    ("html", "word"),
    [
        ('<script src="https://cdn.example.org/x.js"></script>', "loads https"),
        ('<script src="//cdn.example.org/x.js"></script>', "loads //"),
        ('<link rel="stylesheet" href="https://fonts.example.org/x.css">', "loads https"),
        ('<script>load("https://cdn.example.org/x.js")</script>', "runs code"),
        ('<a href="gone.html">x</a>', "no such file"),
        ('<a href="../b.html">x</a><img src="gone.png">', "gone.png: no such file"),
        ('<a href="../b.html#gone">x</a>', "no such anchor"),
        ('<a href="#gone">x</a>', "no such anchor"),
        ('<a href="http://example.org">x</a>', "no address"),
        ('<a href="https://example">x</a>', "no address"),
    ],
)
def test_a_fault_is_found(html: str, word: str) -> None:
    pages = {"a/a.html": Page(html), "b.html": Page('<p id="here"></p>')}
    (complaint,) = [each for each in faults(pages, set(pages)) if word in each]
    assert complaint.startswith("a/a.html")


def test_whole_links_pass() -> None:
    whole = """<a href="../b.html#here">x</a><a href="#there">x</a><p id="there"></p>
        <a href="https://arxiv.org/abs/1610.09585">x</a><img src="../c.png" alt="A picture">"""
    pages = {"a/a.html": Page(whole), "b.html": Page('<p id="here"></p>')}
    assert faults(pages, {*pages, "c.png"}) == []


def test_formulas_and_search_work_without_a_network(site: Path, chromium: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    name = max(NAMES, key=lambda each: (site / f"notebooks/{each}.html").read_text().count("\\("))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / f"notebooks/{name}.html").as_uri())
        formulas = page.locator(".math")
        drawn = page.locator(".math mjx-container")
        sync_api.expect(drawn).to_have_count(formulas.count(), timeout=60_000)
        assert formulas.count() > 20
        assert page.locator("mjx-merror").count() == 0
        page.goto((site / "search.html").as_uri() + "?q=temperature")
        page.locator("#search-results a").first.wait_for(timeout=30_000)
        browser.close()
    assert {urlsplit(address).scheme for address in asked} <= {"file", "data", "blob"}
