"""The official clients and python-socketio's, old and new, over every transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.clients import Foreign, JavaScript, Python
from tests.support.process import Serve, ServerProcess

LIBRARIES = ["socket.io-client-oldest", "socket.io-client-newest", "python-socketio"]
TRANSPORTS = ["websocket", "polling", "polling+websocket"]

Connect = Callable[..., Foreign]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    started = ServerProcess("duologue", "serve", "--port", "0")
    yield started
    started.stop()
    assert "Traceback" not in started.log


@pytest.fixture
def connect(server: ServerProcess) -> Iterator[Connect]:
    clients: list[Foreign] = []

    def connect(library: str, transports: str, auth: object = None) -> Foreign:
        client: Foreign
        if library == "python-socketio":
            client = Python(server.url, transports, auth)
        else:
            client = JavaScript(library, server.url, transports, auth).identified()
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


def link(ann: Foreign, ben: Foreign) -> None:
    ann.call("link_request", targetClientId=ben.id)
    ben.call("link_accept", targetClientId=ann.id)
    ann.hears("link_established")
    ben.hears("link_established")


@pytest.mark.parametrize("transports", TRANSPORTS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_two_of_a_kind_ask_agree_and_talk(connect: Connect, library: str, transports: str) -> None:
    ann = connect(library, transports, {"name": "Ann"})
    ben = connect(library, transports)

    refusal = ann.call("message", targetClientId=ben.id, message="hi")
    assert (refusal["code"], refusal["targetClientId"]) == ("not_linked", ben.id)

    assert ann.call("link_request", targetClientId=ben.id, note="it's me")["state"] == "requested"
    asked = ben.hears("link_requested")
    assert (asked["from"], asked["name"], asked["note"]) == (ann.id, "Ann", "it's me")
    assert ben.call("link_accept", targetClientId=ann.id) == {"ok": True}
    assert ann.hears("link_established")["peer"] == ben.id
    assert ben.hears("link_established") == {"peer": ann.id, "name": "Ann"}

    contents = [
        "hi",
        "h\u00e9llo \U0001f600",
        {"a": [1, 2.5, None, True, "x"]},
        b"\x00\x01\xff",
        {"file": b"abc", "more": [b"d", b""]},
        "x" * 900_000,
    ]
    for seq, content in enumerate(contents, start=1):
        answer = ann.call("message", targetClientId=ben.id, message=content)
        heard = ben.hears("message")
        assert (heard["from"], heard["content"], heard["seq"]) == (ann.id, content, seq)
        assert (answer["ok"], answer["status"], answer["id"]) == (True, "delivered", heard["id"])

    assert ben.call("typing", targetClientId=ann.id, typing=True) == {"ok": True}
    assert ann.hears("typing") == {"from": ben.id, "typing": True}
    assert ben.call("signal", targetClientId=ann.id, data={"sdp": b"xyz"}) == {"ok": True}
    assert ann.hears("signal") == {"from": ben.id, "data": {"sdp": b"xyz"}}

    assert ann.transport() == transports.split("+")[-1]
    assert ben.call("link_close", targetClientId=ann.id) == {"ok": True}
    assert ann.hears("link_closed") == {"peer": ben.id}


@pytest.mark.parametrize("transports", TRANSPORTS)
@pytest.mark.parametrize("other", LIBRARIES[1:])
def test_old_and_new_clients_talk_to_each_other(
    connect: Connect, other: str, transports: str
) -> None:
    old, new = connect("socket.io-client-oldest", "default"), connect(other, transports)
    link(old, new)
    old.call("message", targetClientId=new.id, message="from the old")
    new.call("message", targetClientId=old.id, message=b"from the new")
    assert (new.hears("message")["content"], old.hears("message")["content"]) == (
        "from the old",
        b"from the new",
    )


@pytest.mark.parametrize("library", LIBRARIES[:2])
def test_nothing_is_lost_on_the_way_from_polling_to_websocket(
    connect: Connect, library: str
) -> None:
    ann, ben = connect(library, "default"), connect(library, "default")
    link(ann, ben)
    assert isinstance(ann, JavaScript)
    for number in range(300):
        ann.say("tell", "message", {"targetClientId": ben.id, "message": number})
    assert [ben.hears("message")["content"] for _ in range(300)] == list(range(300))


@pytest.mark.parametrize("transports", ["websocket", "polling"])
@pytest.mark.parametrize("library", LIBRARIES[:2])
def test_a_client_comes_back_by_itself_after_a_restart(
    serve: Serve, library: str, transports: str, port: int
) -> None:
    first = serve("--port", str(port))
    client = JavaScript(library, first.url, transports).identified()
    try:
        first.stop()
        client.hears("draining")
        # Not "io server disconnect", after which clients stay away
        assert client.hears_of("disconnect")[0] in ("transport close", "transport error")
        serve("--port", str(port))
        before, after = client.id, client.identified().id
        assert before != after
    finally:
        client.close()


@pytest.mark.parametrize("library", LIBRARIES[:2])
def test_a_refused_connection_says_why(server: ServerProcess, library: str) -> None:
    client = JavaScript(library, server.url, "websocket", {"name": "x" * 65})
    try:
        message, data = client.hears_of("connect_error")
        assert (message, data["code"]) == (
            "A name has at most 64 characters, all of which can be encoded",
            "invalid",
        )
    finally:
        client.close()
