"""Whether a page looks as it should, and can be used by all: what a machine can say of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.people import Person

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_RUN = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) =>
    `${html.slice(0, 200)} ${failureSummary}`)]);
}"""


def complaints_of_axe(someone: Person) -> list[Any]:
    someone.page.evaluate(AXE.read_text())
    found: list[Any] = someone.page.evaluate(_RUN, TAGS)
    return found


def assert_nothing_sticks_out(person: Person) -> None:
    """Nothing is wider than the window, and nothing but code scrolls sideways."""
    wide = person.page.evaluate(
        """() => {
          const found = [];
          const look = (root) => {
            for (const each of root.querySelectorAll("*")) {
              const { left, right, width } = each.getBoundingClientRect();
              // Words are cut by the element around them
              const words = getComputedStyle(each).display === "inline";
              const seen = width > 1 && each.checkVisibility() && !words;
              if (seen && (right > innerWidth + 1 || left < -1)) found.push(each.outerHTML);
              if (each.shadowRoot) look(each.shadowRoot);
            }
          };
          look(document);
          return found.map((html) => html.slice(0, 100));
        }"""
    )
    assert wide == []
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
