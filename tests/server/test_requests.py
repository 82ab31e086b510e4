"""By what a request and a session can be found in the log."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from duologue.server.requests import request_id
from tests.support.process import Serve, ServerProcess
from tests.support.raw import Polls, RawSocket, receive, socketio

FORGED = b"/simple%0d%0a2026-01-01 FORGED%1b%5b31m%e2%80%a8?token=SECRET"


def entries(server: ServerProcess, logger: str) -> list[dict[str, Any]]:
    """What has been logged as JSON, once the server has ended."""
    server.stop()
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line for line in lines if line["logger"] == logger]


@pytest.mark.parametrize("given", ["a", "0af7651916cd43dd8448eb211c80319c", "A-1.b_2", "a" * 64])
def test_a_sane_id_is_kept(given: str) -> None:
    assert request_id([given]) == given


@pytest.mark.parametrize(
    "given", [[], [""], ["a" * 65], ["a b"], ["-a"], ["a\r\nb"], ["\x1b[31m"], ["é"], ["a", "b"]]
)
def test_any_other_is_replaced(given: list[str]) -> None:
    made = request_id(given)
    assert (made in given, len(made)) == (False, 16)


def test_an_answer_carries_the_id_of_its_request(serve: Serve) -> None:
    answer = httpx.get(f"{serve().url}/livez", headers={"x-request-id": "mine"})
    assert answer.headers.get_list("x-request-id") == ["mine"]


def test_requests_are_logged_where_they_should_be_and_without_their_query(serve: Serve) -> None:
    server = serve("--access-log", "--log-format", "json")
    httpx.get(f"{server.url}/livez?code=SECRET", headers={"x-request-id": "mine"})
    (entry,) = entries(server, "duologue.access")
    assert entry["request"] == "mine"
    assert entry["message"].startswith("GET /livez 200 in ")
    assert "SECRET" not in server.log


def test_requests_are_not_logged_unless_it_is_asked_for(serve: Serve) -> None:
    server = serve("--log-format", "json", "--log-level", "debug")
    httpx.get(f"{server.url}/livez")
    assert entries(server, "duologue.access") == []


def test_a_websocket_is_a_request_too(serve: Serve) -> None:
    server = serve("--access-log", "--log-format", "json")
    with socketio(server.url, additional_headers={"x-request-id": "mine"}) as connection:
        receive(connection)
    (entry,) = entries(server, "duologue.access")
    assert (entry["request"], entry["message"].split(" in ")[0]) == ("mine", "GET /socket.io/ 101")


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_path_cannot_forge_a_line(serve: Serve, format: str) -> None:
    server = serve("--access-log", "--log-format", format)
    with RawSocket(server.port) as raw:
        raw.send(b"GET " + FORGED + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.read(b"\r\n\r\n")
    server.stop()
    assert len(server.log.splitlines()) == 1
    assert server.log.rstrip("\n").isprintable()
    assert "SECRET" not in server.log


def test_a_session_and_the_request_that_opened_it_are_named(serve: Serve) -> None:
    server = serve("--log-format", "json")
    with socketio(server.url, additional_headers={"x-request-id": "mine"}) as connection:
        receive(connection)
    connected, left = (
        entry for entry in entries(server, "duologue.node") if "client" in entry["message"]
    )
    assert (connected["request"], left["request"]) == ("mine", "mine")
    assert connected["session"] == left["session"]
    assert len(connected["session"]) == 8


def test_the_secret_of_a_session_is_not_in_the_log(serve: Serve) -> None:
    server = serve("--access-log", "--log-level", "debug")
    with Polls(server.url) as polls:
        sid = polls.open()["sid"]
        polls.post("40")
        polls.get()
    deadline = time.monotonic() + 5
    while "connected" not in server.log and time.monotonic() < deadline:
        time.sleep(0.02)
    server.stop()
    assert "session=" in server.log
    assert sid[:8] not in server.log
