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

# Counts what is read of the database: by that a page is slow, and not by the machine
_COUNT_READS = """
  window.reads = 0;
  const { continue: next } = IDBCursor.prototype;
  IDBCursor.prototype.continue = function (...values) {
    reads += 1;
    return next.apply(this, values);
  };
  for (const { prototype } of [IDBObjectStore, IDBIndex]) {
    const { getAll } = prototype;
    prototype.getAll = function (...values) {
      const request = getAll.apply(this, values);
      request.addEventListener("success", () => (reads += request.result.length));
      return request;
    };
  }
"""


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


def test_fifty_thousand_messages_scroll(
    serve: Serve, port: int, person: Meet, tmp_path: Path
) -> None:
    server = serve("--port", str(port), folder=tmp_path)
    ann, ben = person("Ann", at=server), person("Ben", at=server)
    meet(ann, ben)
    peer = ben.id
    ben.page.close()
    ann.page.goto(f"{ann.url}/livez")
    ann.page.evaluate(_FILL, [peer, MESSAGES])
    server.stop()
    have_talked(tmp_path)
    serve("--port", str(port), folder=tmp_path)
    ann.page.add_init_script(_COUNT_READS)
    ann.visit(f"/#/c/{peer}")
    expect(ann.message(f"Number {MESSAGES}.")).to_be_in_viewport()

    box: Any = ann.log.bounding_box()
    ann.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    highest, most = MESSAGES, 0
    while highest > MESSAGES - 500:
        ann.page.mouse.wheel(0, -1500)
        most = max(most, ann.messages.count())
        highest = min(highest, *shown(ann))
    assert most <= MOST_IN_THE_PAGE
    assert ann.page.evaluate("reads") < 2 * (MESSAGES - highest)

    # What one reads stays where it is while earlier messages come, and in order
    numbers = shown(ann)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    ann.press("Jump to newest")
    expect(ann.message(f"Number {MESSAGES}.")).to_be_in_viewport()
