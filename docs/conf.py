"""The documentation as a site; ``make docs`` builds it."""

from __future__ import annotations

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


def _name_others(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "index":
        named = set(source[0].split())
        pages = sorted(path.stem for path in Path(app.srcdir).glob("*.md"))
        others = [page for page in pages if page not in named and page != "index"]
        source[0] = source[0].replace(_OTHERS, "\n".join(others))


class _Diagram(TextLexer):
    """Git hosts draw what Sphinx shows as text."""

    name = "mermaid"
    aliases = ("mermaid",)


def setup(app: Sphinx) -> None:
    app.add_lexer("mermaid", _Diagram)
    app.connect("source-read", _name_others)
