"""What people say to each other, and what they are told of it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet, MeetStranger
from tests.browser.looks import assert_nothing_sticks_out
from tests.browser.people import PICTURE, Person, file, greet, meet

PAGE = b"<!doctype html><title>met</title><script>parent.document.title = 'met'</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" onload="top.document.title = \'met\'"/>'

HOSTILE = [
    "<img src=x onerror=\"document.title = 'met'\">",
    "</bdi><svg onload=alert(1)> ${alert(1)} {{alert(1)}}",
]


def assert_nothing_was_made(person: Person) -> None:
    """No element of what somebody wrote, in any shadow, and no script of it has run."""
    made = person.page.evaluate(
        """() => {
          const found = [];
          const look = (root) => {
            for (const each of root.querySelectorAll("*")) {
              const event = [...each.attributes].some(({ name }) => name.startsWith("on"));
              const strange = each.matches("iframe, object, embed, script:not([type=module])")
                || each.matches("a[href^='javascript:' i], a[href^='data:' i]");
              if (event || strange) found.push(each.outerHTML);
              if (each.shadowRoot) look(each.shadowRoot);
            }
          };
          look(document);
          return found;
        }"""
    )
    assert made == []
    assert "met" not in person.page.title()


# States


def test_a_message_is_read_where_somebody_looks(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Do you see this?")
    ann.sees_state("Do you see this?", "Read")


def test_a_message_is_delivered_where_nobody_looks(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.page.go_back()
    expect(ben.log).to_have_count(0)
    ann.says("Do you see this?")
    expect(ben.conversation("Ann")).to_contain_text("1 unread message")
    ann.sees_state("Do you see this?", "Delivered")
    ben.opens("Ann")
    ann.sees_state("Do you see this?", "Read")


def test_a_message_waits_for_who_is_away(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.leaves()
    expect(ann.page.get_by_text(re.compile("last seen"))).to_be_visible()
    ann.says("For later")
    ann.sees_state("For later", "Sent")
    again = ben.tab()
    again.opens("Ann")
    again.sees("For later")
    ann.sees_state("For later", "Read")


def test_who_types_is_seen_to_type(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    other.types()
    expect(ann.page.get_by_text("Sam is typing")).to_be_visible()
    expect(ann.conversation("Sam")).to_contain_text("typing…")
    other.says("There")
    expect(ann.page.get_by_text("Sam is typing")).to_have_count(0)


def test_presence_is_shown(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    expect(ann.conversation("Ben")).to_contain_text("online")
    ben.leaves()
    expect(ann.conversation("Ben")).to_contain_text("offline")


# Drafts are written down a moment after they are changed
_UNTIL_DRAFTED = """async () => {
  const asked = indexedDB.open("duologue");
  await new Promise((done) => (asked.onsuccess = done));
  for (let drafts; !drafts; ) {
    const got = asked.result.transaction("values").objectStore("values").get("app.drafts");
    await new Promise((done) => (got.onsuccess = done));
    drafts = got.result;
  }
  asked.result.close();
}"""


def test_a_draft_stays_where_it_was_written(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    meet(ann, ben)
    ann.types("Dear Ben")
    meet(ann, cleo)
    expect(ann.conversation("Ben")).to_contain_text("Draft: Dear Ben")
    ann.page.evaluate(_UNTIL_DRAFTED)
    ann.reloads()
    ann.opens("Ben")
    expect(ann.field).to_have_value("Dear Ben")


def test_files_that_wait_with_a_draft_stay_there_too(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    meet(ann, cleo)
    meet(ann, ben)
    ann.attaches(file("red.png", "image/png", PICTURE))
    chosen = ann.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(chosen).to_contain_text("red.png")
    ann.opens("Cleo")
    expect(chosen).to_have_count(0)
    ann.opens("Ben")
    expect(chosen).to_contain_text("red.png")
    expect(chosen.locator("img")).to_have_js_property("naturalWidth", 2)
    ann.press("Send")
    expect(ben.log.get_by_role("img", name="Picture: red.png")).to_be_visible()
    ann.opens("Cleo")
    ann.opens("Ben")
    expect(chosen).to_have_count(0)


def test_what_is_new_is_read_out_once(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.says("Listen")
    spoken = ann.page.locator("[aria-live=polite]").filter(has_text="Ben: Listen")
    expect(spoken).to_have_count(1)


# Texts


def test_several_lines_stay_several(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.field.fill("One")
    ann.field.press("Shift+Enter")
    ann.page.keyboard.type("Two")
    ann.field.press("Enter")
    said = ben.messages.locator("[dir=auto]")
    expect(said).to_have_text("One\nTwo", use_inner_text=True)


def test_an_empty_message_is_not_sent(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    ann.says("   ")
    ann.says("Something")
    ben.sees_only("Something")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_script_stays_text_wherever_it_is_written(text: str, person: Meet) -> None:
    ann, ben = person(text), person("Ben")
    ann.ask(ben, note=text)
    expect(ben.requests).to_contain_text(text)
    ben.accept(" ".join(text.split()))
    ann.opens("Ben")
    ann.says(text)
    ben.sees_only(text)
    ben.chooses("Rename for me", text)
    ben.dialog.get_by_label("Name").fill(text)
    ben.press("Save", ben.dialog)
    ann.attaches(file(f"{text}.txt", "text/html", PAGE))
    ann.press("Send")
    expect(ben.messages).to_have_count(2)
    for each in (ann, ben):
        assert_nothing_was_made(each)


def test_only_harmless_links_are_links(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says(
        "See https://example.org/a?b=1, javascript:alert(1) data:text/html,x "
        "http://user:pass@example.org file:///etc/passwd"
    )
    links = ben.log.get_by_role("link")
    expect(links).to_have_text("https://example.org/a?b=1")
    expect(links).to_have_attribute("href", "https://example.org/a?b=1")
    expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(links).to_have_attribute("target", "_blank")


def test_a_name_cannot_turn_what_is_around_it(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("\u202eecila\u2066 \u0000x")
    other.asks(ann.id, note="\u202eolleh")
    name = ann.requests.locator("bdi").first
    expect(name).to_have_text(re.compile(r"^[\x20-\x7e]+$"))


def test_an_endless_word_does_not_break_the_page(person: Meet) -> None:
    ann, ben = person("Ann" * 21), person("Ben")
    ann.ask(ben, note="x" * 200)
    ben.accept("Ann" * 21)
    ann.opens("Ben")
    ann.says("W" * 10_000)
    expect(ben.messages).to_have_count(1)
    ben.press("Show all")
    assert_nothing_sticks_out(ben)
    ben.page.set_viewport_size({"width": 320, "height": 640})
    assert_nothing_sticks_out(ben)
    ben.press("Back to the list")
    assert_nothing_sticks_out(ben)


def test_what_another_application_says_is_shown_as_it_is(
    person: Meet, stranger: MeetStranger
) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    other.says(
        {"a": [1, None]},
        None,
        0,
        {"kind": "file", "name": "x", "type": "image/png", "data": "none"},
        {"file": b"12345"},
    )
    ann.sees_only(
        '{"a":[1,null]}',
        "null",
        "0",
        '{"kind":"file","name":"x","type":"image/png","data":"none"}',
        '{"file":"(5 bytes)"}',
    )


def test_another_client_gets_plain_text(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    ann.says("Hello, whoever you are")
    ann.sees_state("Hello, whoever you are", "Delivered")
    assert other.hears() == "Hello, whoever you are"


# Files


def test_a_picture_is_shown_before_and_after_it_is_sent(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.attaches(file("red.png", "image/png", PICTURE))
    chosen = ann.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(chosen).to_contain_text("red.png")
    ann.types("A picture for you")
    ann.press("Send")
    expect(chosen).to_have_count(0)
    shown = ben.log.get_by_role("img", name="Picture: red.png")
    expect(shown).to_be_visible()
    assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 2
    ben.sees("A picture for you")
    ann.sees_state("A picture for you", "Read")

    ben.press("View red.png")
    with ben.page.expect_download() as saved:
        ben.press("Download red.png", ben.dialog)
    assert Path(saved.value.path()).read_bytes() == PICTURE
    ben.page.keyboard.press("Escape")
    expect(ben.dialog).to_have_count(0)


def test_what_might_run_can_only_be_saved(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    for name, kind, data in (
        ("page.html", "text/html", PAGE),
        ("drawing.svg", "image/svg+xml", DRAWING),
        ("really.png", "image/png", PAGE),
        ("paper.pdf", "application/pdf", b"%PDF-1.7"),
    ):
        ann.attaches(file(name, kind, data))
        ann.press("Send")
        expect(ben.message(name)).to_be_visible()
        with ben.page.expect_download() as saved:
            ben.press(f"Download {name}")
        assert saved.value.suggested_filename == name
        assert Path(saved.value.path()).read_bytes() == data
    expect(ben.log.get_by_role("img", name="Picture")).to_have_count(0)
    assert_nothing_was_made(ben)


def test_a_files_name_is_no_path_and_hides_nothing(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    name = "../../etc/\u202egnp.exe"
    other.says({"kind": "file", "name": name, "type": "application/x-msdownload", "data": b"MZ"})
    with ann.page.expect_download() as saved:
        ann.log.get_by_role("button", name=re.compile("^Download ")).click()
    assert saved.value.suggested_filename.endswith("gnp.exe")
    assert not re.search("[/\\\\\u202e]", saved.value.suggested_filename)


def test_what_is_too_large_is_refused_with_a_reason(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.attaches(file("huge.bin", "application/octet-stream", bytes(1_200_000)))
    expect(ann.page.get_by_role("alert").filter(has_text="too large")).to_contain_text("huge.bin")
    expect(ann.page.get_by_role("list", name="Attached files")).to_have_count(0)
    ann.attaches(file("fits.bin", "application/octet-stream", bytes(900_000)))
    ann.press("Send")
    expect(ben.messages).to_contain_text("fits.bin")


def test_a_picture_can_be_pasted(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.field.evaluate(
        """(field, bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
          const pasted = new ClipboardEvent("paste",
            { clipboardData: data, bubbles: true, cancelable: true, composed: true });
          field.dispatchEvent(pasted);
        }""",
        list(PICTURE),
    )
    expect(ann.page.get_by_role("list", name="Attached files")).to_contain_text("pasted.png")
    ann.field.press("Enter")
    expect(ben.log.get_by_role("img", name="Picture: pasted.png")).to_be_visible()


def test_files_can_be_dropped_anywhere_on_a_conversation(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    dropped = ann.page.evaluate_handle(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["one"], "one.txt", { type: "text/plain" }));
          data.items.add(new File(["two"], "two.txt", { type: "text/plain" }));
          return data;
        }"""
    )
    ann.log.dispatch_event("dragenter", {"dataTransfer": dropped})
    expect(ann.page.get_by_text("Drop files here to attach them")).to_be_visible()
    ann.log.dispatch_event("drop", {"dataTransfer": dropped})
    expect(ann.page.get_by_text("Drop files here to attach them")).to_have_count(0)
    attached = ann.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(attached).to_contain_text(["one.txt", "two.txt"])
    ann.press("Remove two.txt")
    expect(attached).to_have_count(1)
    ann.press("Send")
    expect(ben.messages).to_contain_text("one.txt")


# What is left of it

_UNTIL_KEPT = """async (wanted) => {
  const asked = indexedDB.open("duologue");
  await new Promise((done) => (asked.onsuccess = done));
  const links = () => asked.result.transaction("links").objectStore("links").getAll();
  for (let read = 0; read < wanted; ) {
    const got = links();
    await new Promise((done) => (got.onsuccess = done));
    read = got.result[0].readByMe;
  }
  asked.result.close();
}"""


def test_older_messages_come_by_scrolling_up(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    other.says("Hello")
    ann.sees("Hello")
    other.says(*(f"Number {number}" for number in range(150)))
    ann.sees("Number 149")
    ann.page.evaluate(_UNTIL_KEPT, 151)
    ann.reloads()
    ann.sees("Number 149")
    while not ann.message("Hello").count():
        ann.log.press("PageUp")
    ann.log.press("Home")
    expect(ann.log).to_contain_text("This is the beginning of your conversation with Sam")
    ann.press("Jump to newest")
    ann.sees("Number 149")


def test_days_are_kept_apart(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Now")
    expect(ann.log).to_contain_text("Today")


@pytest.mark.parametrize("kind", ["JSON", "text"])
def test_a_conversation_can_be_exported(kind: str, person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("First")
    ben.sees("First")
    ben.attaches(file("red.png", "image/png", PICTURE))
    ben.press("Send")
    expect(ann.messages).to_have_count(2)
    with ann.page.expect_download() as saved:
        ann.chooses(f"Export as {kind}", "Ben")
    text = Path(saved.value.path()).read_text()
    if kind == "JSON":
        messages = json.loads(text)["messages"]
        assert [each["mine"] for each in messages] == [True, False]
        assert messages[0]["content"] == "First"
        assert base64.b64decode(messages[1]["content"]["data"]["base64"]) == PICTURE
    else:
        said = re.findall("(?:You|Ben): .*", text)
        assert said == ["You: First", "Ben: [File: red.png]"]


def test_everything_can_be_forgotten(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Remember me")
    ben.sees("Remember me")
    before = ann.id
    settings = ann.settings()
    ann.press("Forget everything…", settings)
    expect(settings.get_by_role("button", name="Cancel")).to_be_focused()
    ann.press("Delete everything", settings)
    expect(ann.page.get_by_role("heading", name="Everything has been deleted")).to_be_visible()
    ben.is_told("Ann has ended the conversation")
    ann.press("Start anew")
    expect(ann.own_id).to_have_text(re.compile("^[0-9a-f-]{36}$"))
    assert ann.id != before
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()
    kept = ann.page.evaluate(
        """async () => {
          const open = (name) => new Promise((done) => {
            const asked = indexedDB.open(name);
            asked.onsuccess = () => done(asked.result);
          });
          const counts = {};
          for (const { name } of await indexedDB.databases()) {
            const database = await open(name);
            for (const store of database.objectStoreNames) {
              counts[store] = await new Promise((done) => {
                const asked = database.transaction(store).objectStore(store).count();
                asked.onsuccess = () => done(asked.result);
              });
            }
            database.close();
          }
          return counts;
        }"""
    )
    assert {store for store, count in kept.items() if count} <= {"identity", "values"}


# Notifications

# A browser without a window never shows any
_NOTIFICATIONS = """
  const shown = [];
  window.Notification = class extends EventTarget {
    static permission = "default";
    static async requestPermission() { return (this.permission = "granted"); }
    constructor(title, { body }) {
      super();
      shown.push(`${title}: ${body}`);
      document.documentElement.dataset.shown = shown.join();
    }
    close() {}
  };
"""


def test_who_wants_it_is_notified_while_away(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.page.add_init_script(_NOTIFICATIONS)
    ann.reloads()
    settings = ann.settings()
    settings.get_by_role("checkbox", name=re.compile("^Notify me")).check()
    ann.press("Close", settings)
    ann.page.evaluate(
        """() => {
          Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    ben.says("Are you there?")
    shown = ann.page.locator("html")
    expect(shown).to_have_attribute("data-shown", "Ben: Are you there?")
