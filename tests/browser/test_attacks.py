"""What goes wrong in browsers, and what strangers try: the page holds, and says the truth."""

from __future__ import annotations

import re
import struct
import zlib

from playwright.sync_api import expect

from tests.browser.conftest import Meet, MeetStranger
from tests.browser.people import file, meet

# As where somebody has a site's data blocked: no database, and no locks either
_BLOCKED = """
const denied = () => new DOMException("Access is denied", "SecurityError");
IDBFactory.prototype.open = () => { throw denied(); };
LockManager.prototype.request = () => Promise.reject(denied());
LockManager.prototype.query = () => Promise.reject(denied());
"""

# Nothing more is written into this part of the database
_FULL = """(full) => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...values) {
    const request = put.apply(this, values);
    if (this.name === full) request.onsuccess = () => this.transaction.abort();
    return request;
  };
}"""

_NO_ROOM_FOR_THE_SECOND = """() => {
  const put = IDBObjectStore.prototype.put;
  let count = 0;
  IDBObjectStore.prototype.put = function (...values) {
    if (this.name === "outbox" && ++count === 2) throw new DOMException("", "QuotaExceededError");
    return put.apply(this, values);
  };
}"""


def _png(side: int) -> bytes:
    """A square of one colour: a few bytes that unfold to very many."""
    row = bytes(1 + side // 8)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * side)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_browser_that_blocks_all_data_lets_people_talk(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.page.add_init_script(_BLOCKED)
    ann.reloads()
    expect(ann.own_id).to_have_text(re.compile("^[0-9a-f-]{36}$"))
    expect(ann.page.get_by_text(re.compile("this browser keeps nothing", re.I))).to_be_visible()
    ann.ask(ben)
    ben.press(f"Accept: {ann.id[:8]}…")
    expect(ben.log).to_be_visible()
    ann.opens("Ben")
    ann.says("Can you read this?")
    ben.sees("Can you read this?")


def test_a_full_browser_shows_all_that_came(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("one")
    ben.sees("one")
    ben.page.evaluate(_FULL, "messages")
    ben.meant = "could not be kept"
    with ben.page.expect_console_message(lambda said: ben.meant in said.text):
        ann.says("two")
        ben.sees("two")
    ben.says("three")
    ben.sees_state("three", "Read")
    ben.page.evaluate("location.hash = '#/'")
    expect(ben.log).to_have_count(0)
    ben.opens("Ann")
    ben.sees_only("one", "two", "three")


def test_files_that_were_taken_before_one_failed_are_not_sent_again(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.page.evaluate(_NO_ROOM_FOR_THE_SECOND)
    ann.attaches(*(file(f"{name}.txt", "text/plain", name.encode()) for name in ("a", "b", "c")))
    attached = ann.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(attached).to_have_count(3)
    ann.types("Three files")
    ann.field.press("Enter")
    expect(attached).to_have_count(2)
    expect(ann.field).to_have_value("")
    ann.press("Send")
    expect(ben.messages).to_have_count(3)
    for name in ("a.txt", "b.txt", "c.txt"):
        expect(ben.message(name)).to_have_count(1)


def test_the_focus_stays_in_a_conversation_that_the_other_closes(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.types("I was about to")
    ann.chooses("Close conversation", "Ben")
    ann.agrees_to("Close conversation")
    expect(ben.field).to_have_count(0)
    expect(ben.log).to_be_focused()


def test_a_part_of_the_page_that_is_not_there_any_more_is_said_once(
    person: Meet, stranger: MeetStranger
) -> None:
    ann, zoe = person("Ann"), stranger("Zoe")
    ann.breaks = True
    ann.context.route(re.compile("/assets/conversation-"), lambda route: route.abort())
    ann.ask(zoe.id)
    zoe.is_linked()
    ann.conversation("Zoe").get_by_role("link").click()
    gone = ann.page.get_by_text("A part of this page could not be loaded. Reload the page.")
    expect(ann.page.get_by_role("main").get_by_text(gone.first.inner_text())).to_be_visible()
    ann.context.unroute(re.compile("/assets/conversation-"))
    ann.reloads()
    expect(ann.log).to_be_visible()


def test_fragments_that_lead_nowhere_do_no_harm(person: Meet) -> None:
    ann = person("Ann")
    for fragment in ("%", "%00", "..%2f..", "__proto__", "x" * 3000, "%3Cimg%20src%3Dx%3E"):
        ann.page.evaluate("(fragment) => { location.hash = `#/c/${fragment}`; }", fragment)
        expect(ann.page.get_by_role("heading", level=2).first).to_be_visible()
    assert ann.page.evaluate("document.querySelectorAll('img').length") == 0


def test_a_picture_that_would_fill_the_memory_is_only_offered_for_saving(
    person: Meet, stranger: MeetStranger
) -> None:
    ann, zoe = person("Ann"), stranger("Zoe")
    zoe.asks(ann.id)
    ann.accept("Zoe")
    zoe.is_linked()
    for name, side in (("large.png", 2048), ("huge.png", 14_336)):
        zoe.says({"kind": "file", "name": name, "type": "image/png", "data": _png(side)})
    expect(ann.page.get_by_role("button", name="Download huge.png")).to_be_visible()
    expect(ann.log.get_by_role("img", name=re.compile("large.png"))).to_be_visible()
    expect(ann.log.get_by_role("img", name=re.compile("huge.png"))).to_have_count(0)


def test_who_tries_their_own_invitation_is_told_what_it_is_for(person: Meet) -> None:
    ann = person("Ann")
    ann.press("Invite by link")
    link = ann.dialog.locator("code").inner_text()
    ann.page.goto(link)
    assert "invite" not in ann.page.url
    ann.press("Connect", ann.dialog)
    expect(ann.dialog.get_by_role("alert")).to_contain_text("This is your own invitation")
