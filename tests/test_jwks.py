"""Sets of keys that change, in files and behind a real HTTP server."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duologue import jwks as source
from duologue.auth_options import CannotUseKeys, check_url
from duologue.jwks import KeySetFile, KeySetUrl
from duologue.keys import MAX_BYTES, Key, KeysUnavailable, NoKey
from tests.support.tokens import KeyServer, jwk, jwks, private_key

pytestmark = pytest.mark.anyio

ONE = jwks(jwk(private_key("ES256"), "ES256", "one"))
TWO = jwks(jwk(private_key("ES256", 1), "ES256", "two"))
NOW = 1_000_000.0
TTL, STALE, INTERVAL = 100.0, 1_000.0, 10.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# Files


def write(path: Path, data: bytes) -> None:
    """Put another file in its place, as careful programs do."""
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    os.replace(beside, path)


def test_a_key_in_a_file_is_found(tmp_path: Path) -> None:
    write(tmp_path / "keys", ONE)
    assert KeySetFile(str(tmp_path / "keys"), ["ES256"]).find("one", "ES256", NOW).id == "one"


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "keys", ONE)
    file = KeySetFile(str(tmp_path / "keys"), ["ES256"])
    write(tmp_path / "keys", TWO)
    assert file.find("two", "ES256", NOW).id == "two"


def test_a_key_that_is_no_longer_in_the_file_is_not_found(tmp_path: Path) -> None:
    write(tmp_path / "keys", ONE)
    file = KeySetFile(str(tmp_path / "keys"), ["ES256"])
    write(tmp_path / "keys", TWO)
    with pytest.raises(NoKey):
        file.find("one", "ES256", NOW)


@pytest.mark.parametrize("data", [b"half a fi", None])
def test_while_a_file_cannot_be_used_the_former_keys_are(
    tmp_path: Path, data: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "keys", ONE)
    file = KeySetFile(str(tmp_path / "keys"), ["ES256"])
    if data is None:
        (tmp_path / "keys").unlink()
    else:
        write(tmp_path / "keys", data)
    found = [file.find("one", "ES256", NOW).id for _ in range(3)]
    assert (found, caplog.text.count("cannot be used")) == (["one"] * 3, 1)


@pytest.mark.parametrize("data", [b"", None, b" " * (MAX_BYTES + 1)])
def test_a_file_that_cannot_be_used_at_first_is_refused(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        write(tmp_path / "keys", data)
    with pytest.raises(CannotUseKeys, match="Cannot use the key in"):
        KeySetFile(str(tmp_path / "keys"), ["ES256"])


# URLs


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(ONE) as server:
        yield server


def at(server: KeyServer, **times: float) -> KeySetUrl:
    chosen = {"ttl": TTL, "stale": STALE, "interval": INTERVAL, "timeout": 5.0} | times
    return KeySetUrl(server.url, ["ES256"], **chosen)  # type: ignore[arg-type]


async def find(keys: KeySetUrl, id: str | None, now: float) -> str | None:
    """The ID of the key that is found."""
    found: Any = keys.find(id, "ES256", now)
    if not isinstance(found, Key):
        found = await found
    key: Key = found
    return key.id


async def test_nothing_is_fetched_before_a_key_is_asked_for(server: KeyServer) -> None:
    at(server)
    assert server.asked == 0


async def test_a_key_is_fetched_when_it_is_asked_for(server: KeyServer) -> None:
    assert (await find(at(server), "one", NOW), server.asked) == ("one", 1)


async def test_a_key_that_is_at_hand_is_given_at_once(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    found = keys.find("one", "ES256", NOW + TTL - 1)
    assert (isinstance(found, Key), server.asked) == (True, 1)


async def test_many_that_ask_at_once_wait_for_one_fetch(server: KeyServer) -> None:
    keys = at(server)
    found = await asyncio.gather(*(find(keys, "one", NOW) for _ in range(50)))
    assert (found, server.asked) == (["one"] * 50, 1)


async def test_the_keys_are_fetched_again_when_their_time_is_over(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    server.body = TWO
    with pytest.raises(NoKey):
        await find(keys, "one", NOW + TTL)


async def test_a_new_key_is_fetched_as_soon_as_a_token_names_it(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    server.body = TWO
    assert await find(keys, "two", NOW + INTERVAL) == "two"


async def test_ids_that_nobody_knows_make_one_request_in_each_interval(server: KeyServer) -> None:
    keys = at(server)
    for step in range(1_000):
        with pytest.raises((NoKey, KeysUnavailable)):
            await find(keys, f"unknown-{step}", NOW + step * 3 * INTERVAL / 1_000)
    assert server.asked == 3


async def test_an_id_that_is_not_in_the_set_is_wrong_and_not_asked_for_again(
    server: KeyServer,
) -> None:
    keys = at(server)
    for _ in range(3):
        with pytest.raises(NoKey):
            await find(keys, "unknown", NOW)
    assert server.asked == 1


async def test_an_id_that_cannot_be_asked_for_yet_is_not_called_wrong(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    with pytest.raises(KeysUnavailable):
        await find(keys, "two", NOW + INTERVAL - 0.001)


async def test_ids_that_nobody_knows_take_no_more_room_than_there_is(server: KeyServer) -> None:
    go_on = threading.Event()
    server.before = go_on.wait
    keys = at(server)
    asking = [asyncio.ensure_future(find(keys, f"unknown-{n}", NOW)) for n in range(1_100)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait(asking)
    assert [len(keys._missing), {type(each.exception()) for each in asking}] == [1_000, {NoKey}]


async def test_an_id_that_is_too_long_is_not_asked_for(server: KeyServer) -> None:
    with pytest.raises(NoKey):
        await find(at(server), "x" * 257, NOW)
    assert server.asked == 0


async def test_a_known_key_is_used_while_the_server_is_down(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    server.close()
    assert await find(keys, "one", NOW + TTL + STALE - 1) == "one"


async def test_a_known_key_is_not_used_for_ever_while_the_server_is_down(
    server: KeyServer,
) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    server.close()
    with pytest.raises(KeysUnavailable):
        await find(keys, "one", NOW + TTL + STALE)


async def test_a_server_that_is_down_is_not_asked_all_the_time(server: KeyServer) -> None:
    server.status = 500
    keys = at(server)
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            await find(keys, "one", NOW)
    assert server.asked == 1


async def test_keys_are_there_again_when_the_server_is(server: KeyServer) -> None:
    server.status = 500
    keys = at(server)
    with pytest.raises(KeysUnavailable):
        await find(keys, "one", NOW)
    server.status = 200
    assert await find(keys, "one", NOW + INTERVAL) == "one"


async def test_a_clock_that_is_set_back_makes_nothing_last_longer(server: KeyServer) -> None:
    keys = at(server)
    await find(keys, "one", NOW)
    await find(keys, "one", NOW - 1_000_000)
    assert server.asked == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, ONE),
        (500, ONE),
        (200, b""),
        (200, b"<html>"),
        (200, jwks()),
        (200, ONE + b" " * MAX_BYTES),
    ],
)
async def test_an_answer_without_keys_is_none(server: KeyServer, status: int, body: bytes) -> None:
    server.status, server.body = status, body
    with pytest.raises(KeysUnavailable):
        await find(at(server), "one", NOW)


async def test_an_answer_of_most_bytes_is_taken(server: KeyServer) -> None:
    server.body = ONE + b" " * (MAX_BYTES - len(ONE))
    assert await find(at(server), "one", NOW) == "one"


async def test_nobody_is_sent_elsewhere(server: KeyServer) -> None:
    with KeyServer(ONE) as other:
        server.status, server.headers = 302, {"Location": other.url}
        with pytest.raises(KeysUnavailable):
            await find(at(server), "one", NOW)
        assert other.asked == 0


async def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KeyServer(jwks()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        assert (await find(at(server), "one", NOW), proxy.asked) == ("one", 0)


async def test_a_server_that_hangs_is_waited_for_as_long_as_is_set(server: KeyServer) -> None:
    go_on = threading.Event()
    server.before = go_on.wait
    keys = at(server, timeout=0.1)
    with pytest.raises(KeysUnavailable):
        await find(keys, "one", NOW)
    go_on.set()


async def test_a_fetch_that_hangs_is_not_joined_by_others(server: KeyServer) -> None:
    go_on, begun = threading.Event(), []

    def fetch(url: str, timeout: float) -> bytes:
        begun.append(url)
        go_on.wait()
        return ONE

    keys = KeySetUrl(server.url, ["ES256"], interval=INTERVAL, timeout=0.05, fetch=fetch)
    for step in range(5):
        with pytest.raises(KeysUnavailable):
            await find(keys, "one", NOW + step * INTERVAL)
    go_on.set()
    assert len(begun) == 1


async def test_a_fetch_that_fails_by_a_fault_of_ours_is_not_the_last() -> None:
    fetched: list[str] = []

    def fetch(url: str, timeout: float) -> bytes:
        fetched.append(url)
        if len(fetched) == 1:
            raise ZeroDivisionError
        return ONE

    keys = KeySetUrl("https://example.org/", ["ES256"], interval=INTERVAL, fetch=fetch)
    with pytest.raises(KeysUnavailable):
        await find(keys, "one", NOW)
    assert await find(keys, "one", NOW + INTERVAL) == "one"


async def test_an_answer_that_trickles_ends_when_its_time_is_over(server: KeyServer) -> None:
    ended = threading.Event()

    def trickle() -> Iterator[bytes]:
        while not ended.wait(0.02):
            yield b" "

    server.parts = trickle
    try:
        with pytest.raises(CannotUseKeys, match="too long"):
            await asyncio.to_thread(source.fetch_url, server.url, 0.2)
    finally:
        ended.set()


async def test_one_that_stops_waiting_does_not_stop_the_others(server: KeyServer) -> None:
    go_on = threading.Event()
    server.before = go_on.wait
    keys = at(server)
    impatient = asyncio.ensure_future(find(keys, "one", NOW))
    patient = asyncio.ensure_future(find(keys, "one", NOW))
    await asyncio.sleep(0)
    impatient.cancel()
    go_on.set()
    assert await patient == "one"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/keys.json",
        "https://example.org:8443/keys.json?x=1",
        "http://localhost:8000/keys.json",
        "http://127.0.0.1/keys.json",
        "http://[::1]:8000/keys.json",
        "https://\u00fcber.example.org/keys.json",
    ],
)
def test_a_url_may_be_https_or_on_this_machine(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/keys.json",
        "http://127.0.0.1.example.org/keys.json",
        "http://localhost.example.org/",
        "http://10.0.0.1/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "https://",
        "https:///keys.json",
        "https://me:secret@example.org/",
        "https://example.org:x/",
        "https://[::1/",
        "https://a..example.org/",
        "https://.example.org/",
        f"https://{'a' * 64}.example.org/",
        "https://example.org/k\u00e9ys.json",
        "https://example.org/my keys.json",
        "https://exa mple.org/",
        "https://example.org/\r\nx: y",
    ],
)
def test_no_other_url_may_be_fetched(url: str) -> None:
    with pytest.raises(CannotUseKeys):
        check_url(url)
