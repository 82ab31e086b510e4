"""The documentation as a site; ``make docs`` builds it."""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "Duologue"
author = "The Duologue authors"
version = release = version_of("duologue")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Duologue {version}"
html_copy_source = False

#: Stands in the index for every page that it does not name: how-tos come and go.
_OTHERS = "(all other pages)"

_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)\)")


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    folder = Path(app.srcdir, docname).parent
    text = source[0]
    if docname == "index":
        named = set(text.split())
        pages = sorted(path.stem for path in folder.glob("*.md"))
        others = [page for page in pages if page not in named and page != "index"]
        text = text.replace(_OTHERS, "\n".join(others))
    source[0] = _LINK.sub(lambda link: _linked(app, folder, link), text)


def _linked(app: Sphinx, folder: Path, link: re.Match[str]) -> str:
    """A link out of the documentation; to a folder or a document that the site does not have, only
    its text. A single file is for the reader to download."""
    target = (folder / link[2]).resolve()
    inside = target.is_relative_to(app.srcdir)
    return link[1] if not inside and (target.is_dir() or target.suffix == ".md") else link[0]


class _Diagram(TextLexer):
    """Git hosts draw what Sphinx shows as text."""

    name = "mermaid"
    aliases = ("mermaid",)


def setup(app: Sphinx) -> None:
    app.add_lexer("mermaid", _Diagram)
    app.connect("source-read", _read)
