"""Somebody who has the simple page open, and what they can do there."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Dialog, Locator, Page, expect

# The page's own policy does not hold for what a test has the browser run, so this may watch it.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violated:", event.violatedDirective, event.blockedURI);
});
"""

_TELL = "([event, payload]) => socket.listeners(event).forEach((listener) => listener(payload))"


class Visitor:
    """Drives one page as a person would; `complaints` is what went wrong in it meanwhile."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self.status = page.locator("#status")
        self.error = page.get_by_role("alert")
        self.requests = page.locator("#requests-list > li")
        self.links = page.locator("#links-list > li")
        self.messages = page.locator("#messages-list > li")
        self.target = page.get_by_label("Target Client ID:")
        self.note = page.get_by_label("Note with your request")
        self.name = page.get_by_label("Your name")
        self.text = page.get_by_label("Message:")
        page.add_init_script(_REPORT_VIOLATIONS)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("dialog", self._met)
        page.on("request", lambda request: self.addresses.append(request.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _met(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def has_said_all(self) -> None:
        """A browser reports a violation a moment after it; waits until that moment is over."""
        if not self.page.is_closed():
            self.page.evaluate("new Promise((done) => setTimeout(done))")

    def comes(self) -> None:
        self.page.goto(f"{self.url}/simple")
        expect(self.status).to_have_text("Connected to the WebSocket server")
        expect(self.page.locator("#client-id")).not_to_have_text("Client ID: N/A")

    @property
    def id(self) -> str:
        return self.page.locator("#client-id").inner_text().removeprefix("Client ID: ")

    def is_called(self, name: str) -> None:
        """Takes a name; with it comes a new ID."""
        before = self.id
        self.name.fill(name)
        self.name.press("Tab")
        expect(self.page.locator("#client-id")).not_to_contain_text(before)
        expect(self.status).to_have_text("Connected to the WebSocket server")

    def asks(self, target: str, note: str = "") -> None:
        self.target.fill(target)
        self.note.fill(note)
        self.presses("Connect")

    def writes(self, text: str, to: str | None = None) -> Locator:
        """Sends a message; returns its place in the list."""
        if to is not None:
            self.target.fill(to)
        number = self.messages.count()
        self.text.fill(text)
        self.presses("Send")
        return self.messages.nth(number)

    def presses(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def tabs_to(self, place: Locator) -> None:
        """Goes there by keyboard, and can see all the way where they are."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            if focused.count():
                expect(focused).to_have_css("outline-style", "solid")
                expect(focused).to_have_css("outline-width", "3px")
            if place.evaluate("(element) => element === document.activeElement"):
                return
        raise AssertionError(f"{place} cannot be reached by keyboard")

    def is_told(self, event: str, payload: Any) -> None:
        """As if the server had sent it: for what this server never would, or cannot yet."""
        self.page.evaluate(_TELL, [event, payload])


def link(one: Visitor, other: Visitor) -> None:
    """One asks, the other agrees."""
    one.asks(other.id)
    other.presses("Accept")
    expect(one.links).to_have_count(1)
    expect(other.links).to_have_count(1)
