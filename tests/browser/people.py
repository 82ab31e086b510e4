"""Somebody who has the messenger open, and what they can do there.

Everything is found as a person finds it, or a screen reader: by its role and its name.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from playwright.sync_api import BrowserContext, Dialog, FilePayload, Locator, expect

from tests.browser.stranger import Stranger

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGNwa/vPwMDAwMAAABBOAqFqmZ0KAAAA"
    "AElFTkSuQmCC"
)

# The page's own policy does not hold for what a test has the browser run, so this may watch it.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violated:", event.violatedDirective, event.blockedURI, event.sample);
});
"""

# What a browser itself says when a server cannot be reached; the last, when the page writes
# between the server's goodbye and the moment in which the browser tells the page of it
_BREAKS = (
    "Failed to load resource: ",
    "WebSocket connection to ",
    "WebSocket is already in CLOSING or CLOSED state",
)

# What Playwright says where it allows none
_NO_WORKER = "Service Worker registration blocked by Playwright"


class Person:
    """One page of somebody's browser; `complaints` is what went wrong in it.

    A broken connection is something to complain about, unless `breaks` says that it is meant; and
    so is all else but what has the text `meant` in it, from when that is set.
    """

    def __init__(
        self,
        context: BrowserContext,
        url: str,
        *,
        called: str | None = None,
        touches: bool = False,
        complaints: list[str] | None = None,
    ) -> None:
        self.context = context
        self.url = url
        self.name = called
        self.touches = touches
        self.breaks = False
        self.meant = ""
        self.complaints = [] if complaints is None else complaints
        self.addresses: list[str] = []
        self.page = page = context.new_page()
        page.add_init_script(_REPORT_VIOLATIONS)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("dialog", self._met)
        page.on("request", lambda request: self.addresses.append(request.url))

    def _heard(self, kind: str, text: str) -> None:
        meant = (
            text == _NO_WORKER
            or (self.breaks and text.startswith(_BREAKS))
            or (self.meant != "" and self.meant in text)
        )
        if kind not in ("error", "warning") or meant:
            return
        self.complaints.append(f"{kind}: {text}")

    def _met(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def has_said_all(self) -> None:
        """A browser reports a violation a moment after it; waits until that moment is over."""
        if not self.page.is_closed():
            self.page.evaluate("new Promise((done) => setTimeout(done))")

    # Coming and going

    def visit(self, path: str = "/") -> None:
        """Open the page; with a name, on the first visit, give it."""
        self.page.goto(self.url + path)
        expect(self.page.get_by_role("heading", name="Duologue", level=1)).to_be_attached()

    def comes(self) -> None:
        """Visit for the first time, and say who one is."""
        self.visit()
        expect(self.own_id).to_have_text(re.compile("^[0-9a-f-]{36}$"))
        if self.name is not None:
            self.page.get_by_label("What should others see?").fill(self.name)
            self.press("Save")
            self.is_told("Your name has been saved")
            self.press("Dismiss")

    def tab(self) -> Person:
        """The same person's page once more."""
        other = Person(self.context, self.url, called=self.name, complaints=self.complaints)
        other.breaks = self.breaks
        other.visit()
        return other

    def reloads(self) -> None:
        self.page.reload()
        expect(self.page.get_by_role("heading", name="Duologue", level=1)).to_be_attached()

    def leaves(self) -> None:
        self.page.close()

    def goes_offline(self) -> None:
        """Until the page has noticed: what is written before that may still get through."""
        self.breaks = True
        self.context.set_offline(True)
        expect(self.banner.filter(has_text="offline")).to_be_visible()

    def is_back_online(self) -> None:
        self.context.set_offline(False)

    # What is on the page

    @property
    def own_id(self) -> Locator:
        return self.page.get_by_role("code").first

    @property
    def id(self) -> str:
        return self.own_id.inner_text()

    @property
    def banner(self) -> Locator:
        return self.page.get_by_role("status").filter(
            has_text=re.compile("onnect|offline|server|ign.in|signed out|Verbind")
        )

    @property
    def requests(self) -> Locator:
        return self.page.get_by_role("list", name=re.compile("^Requests")).get_by_role("listitem")

    @property
    def waiting(self) -> Locator:
        """Requests of one's own that nobody has answered."""
        waiting = self.page.get_by_role("list", name=re.compile("^Waiting for an answer"))
        return waiting.get_by_role("listitem")

    @property
    def conversations(self) -> Locator:
        return self.page.get_by_role("list", name="Conversations").get_by_role("listitem")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def field(self) -> Locator:
        """Where one writes."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def conversation(self, name: str) -> Locator:
        return self.conversations.filter(has_text=name)

    def message(self, text: str) -> Locator:
        """The message with this text; messages have no role of their own."""
        return self.log.locator("[data-id]").filter(has_text=text)

    @property
    def messages(self) -> Locator:
        return self.log.locator("[data-id]")

    # What one does

    def press(self, button: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=button, exact=True).first.click()

    def ask(self, other: Person | str, note: str = "") -> None:
        """Ask to connect, by ID or by a link."""
        self.press("New contact")
        self.dialog.get_by_label("ID or link").fill(other if isinstance(other, str) else other.id)
        if note:
            self.dialog.get_by_label("Note (optional)").fill(note)
        self.press("Send request", self.dialog)

    def accept(self, name: str) -> None:
        self.press(f"Accept: {name}")

    def decline(self, name: str) -> None:
        self.press(f"Decline: {name}")

    def cancel(self, name: str) -> None:
        self.press(f"Cancel: {name}")

    def opens(self, name: str) -> None:
        self.conversation(name).get_by_role("link").click()
        expect(self.page.get_by_role("heading", level=2, name=name)).to_be_visible()
        expect(self.log).to_be_visible()

    def chooses(self, action: str, name: str) -> None:
        """Something in the menu over a conversation."""
        self.press(f"Actions for {name}")
        self.page.get_by_role("menuitem", name=action, exact=True).click()

    def agrees_to(self, action: str) -> None:
        """Confirm what a dialog asks."""
        self.press(action, self.dialog)
        expect(self.dialog).to_have_count(0)

    def types(self, text: str) -> None:
        self.field.fill(text)

    def says(self, text: str) -> Locator:
        """Send a message; returns its place."""
        self.field.fill(text)
        if self.touches:
            self.press("Send")
        else:
            self.field.press("Enter")
        return self.message(text)

    def attaches(self, *files: FilePayload) -> None:
        chooser = self.page.get_by_label("Attach files").and_(self.page.locator("input"))
        chooser.set_input_files(list(files))

    def settings(self) -> Locator:
        self.press("Settings")
        return self.dialog

    # What one sees

    def sees(self, text: str) -> None:
        expect(self.message(text)).to_be_visible()

    def sees_only(self, *texts: str) -> None:
        """These messages in this order, and no others."""
        words = self.messages.locator("[dir=auto]")
        expect(words).to_have_text(list(texts))

    def is_told(self, text: str | re.Pattern[str]) -> None:
        """In a text that goes away by itself; it may be one that is only read out."""
        told = self.page.get_by_role("status").or_(self.page.get_by_role("alert"))
        expect(told.filter(has_text=text)).not_to_have_count(0)

    def sees_state(self, text: str, state: str) -> None:
        """How far a message of one's own has got."""
        expect(self.message(text).get_by_role("img", name=state, exact=True)).to_be_visible()

    def focused(self) -> dict[str, Any]:
        """What has the focus, through all shadows: its tag, role, name and text."""
        found: dict[str, Any] = self.page.evaluate(_FOCUSED)
        return found

    def tabs_to(self, name: str, *, backwards: bool = False) -> None:
        """Goes there by keyboard, and can see all the way where they are."""
        seen = []
        for _ in range(60):
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
            focused = self.focused()
            seen.append(focused["name"])
            assert focused["outline"] in ("solid", ""), f"nothing shows the focus on {focused}"
            if focused["name"] == name:
                return
        raise AssertionError(f"{name} cannot be reached by keyboard, but {seen}")


_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return { tag: "BODY", name: "", outline: "" };
  const labels = [...(at.labels ?? [])].map((each) => each.textContent.trim());
  const name = at.getAttribute("aria-label") ?? labels[0] ?? at.textContent;
  const outline = getComputedStyle(at).outlineStyle;
  return { tag: at.tagName, name: name.replace(/\\s+/g, " ").trim(), outline };
}"""


def meet(one: Person, other: Person) -> None:
    """One asks, the other agrees; both have the conversation open."""
    one.ask(other)
    other.accept(one.name or "")
    expect(other.log).to_be_visible()
    one.opens(other.name or "")


def greet(person: Person, stranger: Stranger, name: str) -> None:
    """The stranger asks, the person agrees."""
    stranger.asks(person.id)
    person.accept(name)
    expect(person.log).to_be_visible()
    stranger.is_linked()


def invitation(person: Person) -> str:
    """Make one; returns its link."""
    person.press("Invite by link")
    link = person.dialog.get_by_role("code").inner_text()
    person.press("Close", person.dialog)
    return link


def file(name: str, kind: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}
