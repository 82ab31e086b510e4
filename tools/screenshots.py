"""Take the pictures of the simple page that the README shows: wide and phone, light and dark.

python tools/screenshots.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, sync_playwright

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"

# Grey edges of letters instead of coloured ones: the same on every screen, and smaller files
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",
    "--font-render-hinting=none",
]

_SIZES: dict[str, ViewportSize] = {
    "wide": {"width": 1280, "height": 800},
    "phone": {"width": 360, "height": 780},
}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def own_id(page: Page) -> str:
    page.wait_for_function("document.getElementById('client-id').textContent.length > 20")
    return page.inner_text("#client-id").removeprefix("Client ID: ")


def call(page: Page, name: str) -> None:
    """Take a name; with it comes a new ID."""
    before = own_id(page)
    page.fill("#name", name)
    page.press("#name", "Tab")
    page.wait_for_function(
        "before => !document.getElementById('client-id').textContent.includes(before)", arg=before
    )


def ask(page: Page, target: str, note: str) -> None:
    page.fill("#target-client-id", target)
    page.fill("#note", note)
    page.click("#connect")


def say(page: Page, text: str) -> None:
    page.fill("#message-content", text)
    page.press("#message-content", "Enter")
    page.wait_for_selector(f"text=delivered >> nth={page.locator('.sent').count() - 1}")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "duologue", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ["DUOLOGUE_TEST_BROWSER"], args=ARGUMENTS
            )
            for size, viewport in _SIZES.items():
                for scheme in _SCHEMES:
                    context = browser.new_context(
                        viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
                    )
                    ann, ben, cleo = (context.new_page() for _ in range(3))
                    for page, name in ((ann, "Ann"), (ben, "Ben"), (cleo, "Cleo")):
                        page.goto(f"{url}simple")
                        call(page, name)
                    target = own_id(ann)
                    ask(ben, target, "Ben from the reading group")
                    ann.click("text=Accept")
                    ann.wait_for_selector("#links-list li")
                    say(ann, "Hello Ben! Did you finish the book?")
                    say(ben, "Nearly. The last chapter is for tonight.")
                    say(ann, "No spoilers then. See you on Thursday.")
                    ask(cleo, target, "We met at the library")
                    ann.wait_for_selector("#requests-list li")
                    ann.screenshot(
                        path=PICTURES / f"simple-{size}-{scheme}.png", full_page=size == "phone"
                    )
                    context.close()
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
