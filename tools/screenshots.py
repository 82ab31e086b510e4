"""Take the pictures of the messenger that the README shows: wide and phone, light and dark.

python tools/screenshots.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

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
    "wide": {"width": 1200, "height": 740},
    "phone": {"width": 360, "height": 740},
}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# The view from the reading room
_VIEW = """<!doctype html><body style="margin:0">
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 280" width="480" style="display:block">
  <defs><linearGradient id="sky" x2="0" y2="1">
    <stop stop-color="#2b3a8c"/><stop offset=".6" stop-color="#e88f6a"/>
    <stop offset="1" stop-color="#ffd9a0"/>
  </linearGradient></defs>
  <path fill="url(#sky)" d="M0 0H480V280H0Z"/>
  <circle cx="330" cy="168" r="30" fill="#fff1c9"/>
  <path fill="#5a4a7d" d="M0 205 90 130 160 190 235 120 330 205 400 165 480 215V280H0Z"/>
  <path fill="#2f2b52" d="M0 240 110 195 215 238 330 210 480 250V280H0Z"/>
</svg>"""


class Visitor:
    """Somebody with the messenger open, in a browser of their own."""

    def __init__(self, browser: Browser, url: str, name: str, **settings: object) -> None:
        options = {"viewport": _SIZES["wide"], "reduced_motion": "reduce", "locale": "en-GB"}
        context = browser.new_context(**{**options, **settings})  # type: ignore[arg-type]
        self.page: Page = context.new_page()
        self.page.goto(url)
        self.id = self.page.get_by_role("code").inner_text()
        self.page.get_by_label("What should others see?").fill(name)
        self.press("Save")
        self.press("Dismiss")

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).first.click()

    def asks(self, other: Visitor, note: str) -> None:
        self.press("New contact")
        self.page.get_by_label("ID or link").fill(other.id)
        self.page.get_by_label("Note (optional)").fill(note)
        self.press("Send request")

    def opens(self, name: str) -> None:
        self.page.get_by_role("listitem").filter(has_text=name).get_by_role("link").click()

    def says(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Message").fill(text)
        self.press("Send")
        expect(self.page.get_by_role("log")).to_contain_text(text)

    def shows(self, name: str, picture: bytes, text: str) -> None:
        files = self.page.get_by_label("Attach files").and_(self.page.locator("input"))
        files.set_input_files({"name": name, "mimeType": "image/png", "buffer": picture})
        expect(self.page.get_by_role("list", name="Attached files")).to_be_visible()
        self.says(text)


def drawn(browser: Browser) -> bytes:
    page = browser.new_page(viewport={"width": 480, "height": 280})
    page.set_content(_VIEW)
    picture = page.screenshot()
    page.close()
    return picture


def scene(browser: Browser, url: str) -> Visitor:
    """Ann talks with Ben; Cleo has written; Dora asks. Returns Ann."""
    ann = Visitor(browser, url, "Ann")
    ben, cleo, dora = (Visitor(browser, url, name) for name in ("Ben", "Cleo", "Dora"))
    cleo.asks(ann, "From the allotment")
    ann.press("Accept: Cleo")
    cleo.opens("Ann")
    ann.says("Are the tomatoes ripe?")
    ben.asks(ann, "From the reading group")
    ann.press("Accept: Ben")
    ben.opens("Ann")
    ann.says("Hello Ben! Did you finish the book?")
    ben.says("Nearly. The last chapter is for tonight.")
    ben.shows("reading-room.png", drawn(browser), "This is where I read it.")
    ann.says("No spoilers then. See you on Thursday, and bring https://example.org/notes")
    cleo.says("The first ones are. Come by!")
    dora.asks(ann, "We met at the library")
    expect(ann.page.get_by_role("button", name="Accept: Dora")).to_be_visible()
    ann.page.get_by_role("img", name="Read", exact=True).last.wait_for()
    return ann


def take(ann: Visitor, size: str) -> None:
    page = ann.page
    page.set_viewport_size(_SIZES[size])
    for dismiss in page.get_by_role("button", name="Dismiss").all():
        dismiss.click()
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(300)  # the list measures its rows anew
        page.screenshot(path=PICTURES / f"messenger-{size}-{scheme}.png")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "duologue", "serve", "--port", "0", "--store", "memory:"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
        )
        assert server.stdout is not None
        url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ["DUOLOGUE_TEST_BROWSER"], args=ARGUMENTS
                )
                ann = scene(browser, url)
                for size in _SIZES:
                    take(ann, size)
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
