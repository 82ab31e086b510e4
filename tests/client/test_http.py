"""HTTP as long-polling needs it, against a server that answers what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from duologue.client.http import Broken, Cookies, HttpConnection, Target, Unreachable, parse_url

pytestmark = pytest.mark.anyio

MOST = 1_000


class Answers:
    """A server on 127.0.0.1 that gives each request the next of `answers`."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                writer.write(answer)
                await writer.drain()
                if b"close" in answer:
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def connection(self, cookies: Cookies | None = None) -> HttpConnection:
        target = Target(False, "127.0.0.1", self.port, "/socket.io/")
        return HttpConnection(target, None, max_body_bytes=MOST, cookies=cookies or Cookies())


@pytest.fixture
async def server() -> AsyncIterator[Answers]:
    answers = Answers()
    listener = await asyncio.start_server(answers.talk, "127.0.0.1", 0)
    answers.port = listener.sockets[0].getsockname()[1]
    yield answers
    listener.close()


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def test_a_request_is_literally_what_http_says(server: Answers) -> None:
    server.answers = [ok(b"body")]
    http = server.connection()
    assert await http.request("GET", "EIO=4") == b"body"
    http.close()
    assert server.requests == [
        b"GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port
    ]


async def test_a_connection_is_used_again(server: Answers) -> None:
    server.answers = [ok(b"1"), ok(b"2")]
    http = server.connection()
    assert [await http.request("GET", "x") for _ in range(2)] == [b"1", b"2"]
    http.close()
    assert server.connections == 1


async def test_after_one_that_the_server_closes_another_is_made(server: Answers) -> None:
    server.answers = [ok(b"1", "Connection: close"), ok(b"2")]
    http = server.connection()
    assert [await http.request("GET", "x") for _ in range(2)] == [b"1", b"2"]
    http.close()
    assert server.connections == 2


async def test_a_body_may_come_in_chunks(server: Answers) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.answers = [head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]
    http = server.connection()
    assert await http.request("GET", "x") == b"abcde"
    http.close()


async def test_cookies_come_back(server: Answers) -> None:
    cookies = Cookies()
    server.answers = [
        ok(b"1", "Set-Cookie: io=abc; Path=/; HttpOnly", "Set-Cookie: b=c"),
        ok(b"2", "Set-Cookie: io=def"),
        ok(b"3"),
    ]
    http = server.connection(cookies)
    for _ in range(3):
        await http.request("GET", "x")
    http.close()
    assert [b"Cookie: " in request for request in server.requests] == [False, True, True]
    assert b"Cookie: io=abc; b=c\r\n" in server.requests[1]
    assert b"Cookie: io=def; b=c\r\n" in server.requests[2]


def test_cookies_are_bounded() -> None:
    cookies = Cookies()
    cookies.keep([("set-cookie", f"c{number}=x") for number in range(21)])
    assert (cookies.header().count("="), "c20" in cookies.header()) == (20, False)


async def test_a_body_at_the_limit_is_taken(server: Answers) -> None:
    server.answers = [ok(b"x" * MOST)]
    http = server.connection()
    assert len(await http.request("GET", "x")) == MOST
    http.close()


async def test_a_body_past_the_limit_is_not(server: Answers) -> None:
    server.answers = [ok(b"x" * (MOST + 1))]
    with pytest.raises(Broken, match="too large"):
        await server.connection().request("GET", "x")


async def test_half_an_answer_is_none(server: Answers) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nclose"]
    with pytest.raises(Broken, match="closed the connection"):
        await server.connection().request("GET", "x")


async def test_after_a_failure_nothing_is_asked_any_more(server: Answers) -> None:
    server.answers = [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ok(b"")]
    http = server.connection()
    with pytest.raises(Broken, match="answered 400") as caught:
        await http.request("GET", "x")
    assert caught.value.deliberate
    with pytest.raises(Broken, match="closed"):
        await http.request("GET", "x")
    assert len(server.requests) == 1


async def test_nothing_there_is_said() -> None:
    target = Target(False, "127.0.0.1", 1, "/")
    http = HttpConnection(target, None, max_body_bytes=MOST, cookies=Cookies())
    with pytest.raises(Unreachable):
        await http.request("GET", "x")


@pytest.mark.parametrize(
    ("url", "target", "origin"),
    [
        ("http://a", Target(False, "a", 80, "/socket.io/"), "http://a"),
        ("https://a/", Target(True, "a", 443, "/socket.io/"), "https://a"),
        ("wss://a:444/b/", Target(True, "a", 444, "/b/socket.io/"), "https://a:444"),
        ("ws://[::1]:8000", Target(False, "::1", 8000, "/socket.io/"), "http://[::1]:8000"),
        ("http://bücher.example", Target(False, "xn--bcher-kva.example", 80, "/socket.io/"), None),
    ],
)
def test_a_url_says_where_a_server_is(url: str, target: Target, origin: str | None) -> None:
    assert parse_url(url) == target
    assert origin is None or target.origin == origin
