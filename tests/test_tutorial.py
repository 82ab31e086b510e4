"""The tutorial's client, `io()` with no options and its very library, against both policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients import JavaScript
from tests.support.process import Serve

VERSION = "socket.io-client-oldest"  # 4.0.1, which the tutorial loads


@pytest.fixture
def clients(serve: Serve, request: pytest.FixtureRequest) -> Iterator[list[JavaScript]]:
    policy = request.node.get_closest_marker("policy").args[0]
    url = serve("--policy", policy).url
    connected = [JavaScript(VERSION, url).identified() for _ in range(2)]
    yield connected
    for client in connected:
        client.close()


def sends(client: JavaScript, target: str, text: str) -> None:
    client.say("send", {"targetClientId": target, "from": client.id, "message": text})


@pytest.mark.policy("open")
def test_a_message_arrives_as_the_tutorial_says(clients: list[JavaScript]) -> None:
    ann, ben = clients
    sends(ann, ben.id, "hi")
    assert ben.hears("message") == {"from": ann.id, "content": "hi"}


@pytest.mark.policy("open")
def test_an_unknown_target_is_an_error_in_the_tutorials_words(clients: list[JavaScript]) -> None:
    sends(clients[0], "nobody", "hi")
    assert clients[0].hears("message")["error"] == "Target client ID not found"


@pytest.mark.policy("open")
def test_an_identity_ends_with_its_connection(clients: list[JavaScript]) -> None:
    ann, ben = clients
    gone = ben.id
    ben.say("disconnect")
    ben.hears_of("disconnect")
    while "error" not in ann.call("message", targetClientId=gone, message="gone yet?"):
        pass  # the goodbye is on its way
    sends(ann, gone, "hi")
    assert ann.hears("message")["error"] == "Target client ID not found"


@pytest.mark.policy("open")
def test_a_sender_cannot_be_forged(clients: list[JavaScript]) -> None:
    ann, ben = clients
    ann.say("send", {"targetClientId": ben.id, "from": ben.id, "message": "hi"})
    assert ann.hears("message")["code"] == "from_mismatch"


@pytest.mark.policy("required")
def test_without_a_link_the_message_is_refused(clients: list[JavaScript]) -> None:
    ann, ben = clients
    sends(ann, ben.id, "hi")
    refusal = ann.hears("message")
    assert (refusal["code"], refusal["targetClientId"]) == ("not_linked", ben.id)
    assert refusal["error"]
