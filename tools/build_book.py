"""The course as a web site: ``python tools/build_book.py`` writes ``build/book/html/index.html``.

The lessons with their stored outputs and the pages of ``docs/`` are put together in
``build/book/source``, in the places they have in the repository, so that links between them hold;
Sphinx makes the site from there. Nothing is run, and nothing is fetched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

# Run as a script, this file knows its folder but not the repository around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs" / "book"
LESSON = "[0-9][0-9]_*.ipynb"


def gather(source: Path) -> None:
    """Copy what the book is made of into the folder ``source``, whose old contents go."""
    shutil.rmtree(source, ignore_errors=True)
    for folder, patterns in (("notebooks", [LESSON]), ("docs", ["*.md", "*.png"])):
        (source / folder).mkdir(parents=True)
        for pattern in patterns:
            for path in sorted((ROOT / folder).glob(pattern)):
                shutil.copy(path, source / folder / path.name)
    shutil.copy(BOOK / "index.md", source)


def build(folder: Path) -> Path:
    """Make the book in ``folder``; warnings are errors.

    Returns:
        The folder of the pages.

    Raises:
        RuntimeError: Sphinx complained; it has printed what of.
    """
    gather(folder / "source")
    html = folder / "html"
    shutil.rmtree(html, ignore_errors=True)  # or a page that is gone would stay
    options = [
        "-b",
        "html",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        str(BOOK),
        "-d",
        str(folder / "trees"),
    ]
    if build_main([*options, str(folder / "source"), str(html)]):
        raise RuntimeError(f"the book was not made; what is printed above is missing in {folder}")
    return html


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the course as a web site.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "book")
    try:
        html = build(parser.parse_args().folder)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Open {os.path.relpath(html / 'index.html')} in a browser; it needs no network.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
