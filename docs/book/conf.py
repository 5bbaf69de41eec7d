"""How Sphinx makes the book; tools/build_book.py puts the pages together and calls it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from typing import Any

import nbformat
from docutils import nodes

project = "cGAN Kit"
author = "cGAN Kit contributors"
html_title = "cGAN Kit"
html_show_copyright = False
html_show_sphinx = False

# MathJax comes out of a package, not from another host.
extensions = ["myst_nb", "sphinx-mathjax-offline"]
nb_execution_mode = "off"  # the stored outputs are what the course is tested with
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "search_bar_text": "Search the book",
}
html_static_path = ["style"]
html_css_files = ["book.css"]


def describe_images(app: Any, doctree: nodes.document) -> None:
    """Give each figure of a lesson the alt text that lies beside it in the notebook.

    myst-nb names the file of a stored picture after its bytes, and leaves the words out.
    """
    path = app.env.doc2path(app.env.docname)
    if path.suffix != ".ipynb":
        return
    words = alt_texts(nbformat.read(path, as_version=nbformat.NO_CONVERT))
    for image in doctree.findall(nodes.image):
        name = image["uri"].rpartition("/")[2].partition(".")[0]
        if name in words:
            image["alt"] = words[name]


def alt_texts(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """The alt text of every stored picture, by the SHA-256 of its bytes."""
    return {
        hashlib.sha256(b64decode(output.data["image/png"])).hexdigest(): described["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if (described := output.get("metadata", {}).get("image/png"))
    }


def setup(app: Any) -> None:
    app.connect("doctree-read", describe_images)
