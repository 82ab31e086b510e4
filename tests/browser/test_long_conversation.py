"""A conversation of 50,000 messages is as quick as one of fifty."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.people import Person, meet
from tests.support.process import Serve

MESSAGES = 50_000
MOST_IN_THE_PAGE = 200

# As the page itself keeps them; while it is not open, so that it finds them when it is.
_FILL = """async ([peer, count]) => {
  const asked = indexedDB.open("duologue");
  const database = await new Promise((done, fail) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  const change = database.transaction(["links", "messages"], "readwrite");
  const links = change.objectStore("links");
  links.get(peer).onsuccess = ({ target }) => links.put({ ...target.result, readByMe: count });
  const store = change.objectStore("messages");
  const start = Date.now() - count * 60_000;
  for (let seq = 1; seq <= count; seq += 1) {
    const mine = seq % 3 === 0;
    const words = "word ".repeat((seq * 7) % 60);
    store.put({
      peer, seq, mine, id: crypto.randomUUID(), at: start + seq * 60_000,
      content: `Number ${seq}. ${words}`, ...(mine ? {} : { theirs: seq }),
    });
  }
  await new Promise((done, fail) => {
    change.oncomplete = done;
    change.onerror = () => fail(change.error);
  });
  database.close();
}"""

# Frames while somebody scrolls, in milliseconds
_WATCH = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const frame = (now) => {
    frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


def shown(ann: Person) -> list[int]:
    """The numbers of the messages that are in the page."""
    return [int(each) for each in re.findall(r"Number (\d+)\.", ann.log.inner_text())]


def have_talked(folder: Path) -> None:
    """As the server would know it that no longer keeps any of the messages."""
    columns = ("seq", "low_got", "low_delivered", "low_read", "high_got", "high_delivered")
    changes = ", ".join(f"{each} = {MESSAGES}" for each in (*columns, "high_read"))
    with closing(sqlite3.connect(folder / "duologue.db")) as store:
        store.execute(f"UPDATE pairs SET {changes}")
        store.commit()


def test_fifty_thousand_messages_scroll(serve: Serve, person: Meet, tmp_path: Path) -> None:
    server = serve(folder=tmp_path)
    ann, ben = person("Ann", at=server), person("Ben", at=server)
    meet(ann, ben)
    peer = ben.id
    ben.page.close()
    ann.page.goto(f"{ann.url}/livez")
    ann.page.evaluate(_FILL, [peer, MESSAGES])
    server.stop()
    have_talked(tmp_path)
    serve("--port", str(server.port), folder=tmp_path)
    ann.visit(f"/#/c/{peer}")
    expect(ann.message(f"Number {MESSAGES}.")).to_be_in_viewport()

    ann.page.evaluate(_WATCH)
    box: Any = ann.log.bounding_box()
    ann.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    highest, most = MESSAGES, 0
    for _ in range(60):
        ann.page.mouse.wheel(0, -1500)
        ann.page.wait_for_timeout(16)
        most = max(most, ann.messages.count())
        highest = min(highest, *shown(ann))
    assert most <= MOST_IN_THE_PAGE
    assert highest < MESSAGES - 500

    # What one reads stays where it is while earlier messages come, and in order
    numbers = shown(ann)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    frames = sorted(ann.page.evaluate("frames_ms"))
    assert frames[len(frames) // 2] < 50, frames[-20:]

    ann.press("Jump to newest")
    expect(ann.message(f"Number {MESSAGES}.")).to_be_in_viewport()
