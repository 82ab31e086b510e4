"""Draw the page's icons of fixed sizes from its SVGs, with Chromium.

python tools/icons.py
"""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).parent.parent / "web" / "public"

PICTURES = {
    "icon-192.png": ("icon.svg", 192),
    "icon-512.png": ("icon.svg", 512),
    "maskable-512.png": ("maskable.svg", 512),
    "apple-touch-icon.png": ("maskable.svg", 180),
}

_PAGE = "<!doctype html><style>body{{margin:0}}svg{{display:block;width:{size}px}}</style>{svg}"


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["DUOLOGUE_TEST_BROWSER"],
            args=["--no-sandbox", "--disable-gpu"],
        )
        for name, (source, size) in PICTURES.items():
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(_PAGE.format(size=size, svg=(ICONS / source).read_text()))
            page.screenshot(path=ICONS / name, omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
