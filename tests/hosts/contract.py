"""What every host has to do, whatever server carries it.

A host's test module has a class derived from `Contract` and a fixture `host` for it, a `Host` that
knows its users (anyone without a name; `nobody` may not connect). `ApplicationContract` is for
those with an application around them, which says who a client is by the header ``x-user`` and lets
nobody ask `private`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import socketio

from tests.hosts.process import HostProcess
from tests.support import node
from tests.support.clients import SECONDS, JavaScript, _Heard

TRANSPORTS = ["websocket", "polling", "polling+websocket"]


class Person:
    """A client of python-socketio, with headers of its own."""

    def __init__(
        self,
        host: Host,
        user: str | None = None,
        transports: str = "websocket",
        auth: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.client = socketio.Client(reconnection=False)
        self._heard = _Heard()
        self.client.on("*", lambda name, data=None: self._heard.put([name, data]))
        self.client.on("connect_error", lambda data: self._heard.put(["connect_error", data]))
        self.client.on("disconnect", lambda reason: self._heard.put(["disconnect", reason]))
        shown, said = host.credentials(user)
        self.client.connect(
            host.url,
            headers=headers or shown,
            socketio_path=host.path,
            transports=transports.split("+"),
            auth={**said, **(auth or {})} or None,
            wait_timeout=SECONDS,
        )
        self.welcome: Any = self.hears("client_id")
        self.id: str = self.welcome["clientId"]

    def call(self, name: str, payload: Any = None, **values: Any) -> Any:
        return self.client.call(name, payload or values, timeout=SECONDS)

    def tells(self, name: str, **payload: Any) -> None:
        """Send without asking for an acknowledgement."""
        self.client.emit(name, payload)

    def hears(self, name: str) -> Any:
        return self._heard.next(lambda entry: entry[0] == name)[1]

    def leave(self) -> None:
        if websocket := self.client.eio.ws:
            # For the answer to its close, which some servers never give, it would wait for seconds
            websocket.close = partial(websocket.close, timeout=0.2)
        self.client.disconnect()
        self.client.shutdown()


class Host:
    """A server under test: its process, and where in it Duologue is."""

    def __init__(self, process: HostProcess, prefix: str = "") -> None:
        self.process = process
        self.prefix = prefix
        self.url = process.url
        self.path = f"{prefix}/socket.io"
        self.people: list[Person] = []

    def credentials(self, user: str | None) -> tuple[dict[str, str], dict[str, Any]]:
        """By which headers, and which payload of its connect, a client shows who it is."""
        return ({} if user is None else {"x-user": user}), {}

    def introduce(self, a: str, b: str) -> Any:
        """Link two clients and send the second a message by the host's own word; the answer has
        whether that one is online and the message's number, or why not."""
        return self.view(f"/introduce/{a}/{b}")

    def view(self, path: str) -> Any:
        """What a view of the host's own application answers, as JSON."""
        status, body, _ = self.process.get(path)
        assert status == 200, body
        return json.loads(body)

    def stop(self) -> None:
        """End the server, and its clients first: some servers let each wait for seconds."""
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(Person.leave, self.people))
        self.process.stop()


Come = Callable[..., Person]


@pytest.fixture
def come(host: Host) -> Come:
    def come(*args: Any, **options: Any) -> Person:
        host.people.append(Person(host, *args, **options))
        return host.people[-1]

    return come


def link(ann: Person, ben: Person) -> None:
    ann.call("link_request", targetClientId=ben.id)
    ben.call("link_accept", targetClientId=ann.id)
    ann.hears("link_established")
    ben.hears("link_established")


def hears_go(one: Person) -> None:
    """Wait until a client is told that its peer, which will come back, is not there."""
    while one.hears("presence")["online"]:
        pass


def fresh(name: str) -> str:
    """A user that no other test knows."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


class Contract:
    def test_a_bare_client_is_given_an_id(self, come: Come) -> None:
        assert uuid.UUID(come().id).version == 4

    @pytest.mark.parametrize("transports", TRANSPORTS)
    def test_two_ask_agree_and_talk(self, come: Come, transports: str) -> None:
        ann, ben = come(transports=transports, auth={"name": "Ann"}), come(transports=transports)
        answer = ann.call("link_request", targetClientId=ben.id, note="it's me")
        asked = ben.hears("link_requested")
        ben.call("link_accept", targetClientId=ann.id)
        established = ann.hears("link_established")
        contents = ["hi", "h\u00e9 \U0001f600", {"a": [1, None]}, b"\x00\xff", {"file": b"abc"}]
        for content in contents:
            ann.call("message", targetClientId=ben.id, message=content)
        heard = [ben.hears("message")["content"] for _ in contents]
        assert (answer["state"], asked["name"], asked["note"], established["peer"], heard) == (
            "requested",
            "Ann",
            "it's me",
            ben.id,
            contents,
        )

    def test_a_message_before_acceptance_is_refused(self, come: Come) -> None:
        ann, ben = come(), come()
        assert ann.call("message", targetClientId=ben.id, message="hi")["code"] == "not_linked"

    def test_a_refusal_without_acknowledgement_comes_as_an_event(self, come: Come) -> None:
        ann = come()
        ann.tells("message", targetClientId=str(uuid.uuid4()), message="hi")
        ann.tells("link_accept", targetClientId=str(uuid.uuid4()))
        refused = ann.hears("refused")
        assert (ann.hears("message")["error"], refused["event"], refused["code"]) == (
            "Target client ID not found",
            "link_accept",
            "not_found",
        )

    def test_a_payload_that_is_none_is_refused(self, come: Come) -> None:
        assert come().call("link_request", {"targetClientId": 7})["code"] == "invalid"

    def test_messages_keep_their_order(self, come: Come) -> None:
        ann, ben = come(), come()
        link(ann, ben)
        for number in range(50):
            ann.tells("message", targetClientId=ben.id, message=number)
        heard = [ben.hears("message") for _ in range(50)]
        assert [(each["content"], each["seq"]) for each in heard] == [
            (number, number + 1) for number in range(50)
        ]

    def test_what_was_missed_follows_when_a_client_resumes(self, come: Come) -> None:
        ann, ben = come(), come(auth={"keep": True})
        link(ann, ben)
        ben.leave()
        hears_go(ann)
        ann.call("message", targetClientId=ben.id, message="one")
        ann.call("message", targetClientId=ben.id, message=b"two")
        token = ben.welcome["resumeToken"]
        again = come(auth={"resumeToken": token, "since": {ann.id: 0}})
        heard = [again.hears("message")["content"] for _ in range(2)]
        assert (again.id, heard) == (ben.id, ["one", b"two"])

    def test_the_peer_of_one_that_leaves_is_told(self, come: Come) -> None:
        ann, ben = come(), come()
        link(ann, ben)
        ben.leave()
        assert ann.hears("link_closed") == {"peer": ben.id}

    def test_the_host_names_its_clients(self, come: Come) -> None:
        user = fresh("ann")
        assert come(user).id == user

    def test_one_that_is_named_keeps_its_links(self, come: Come) -> None:
        ann, ben = come(fresh("ann")), come(fresh("ben"))
        link(ann, ben)
        ben.leave()
        hears_go(ann)
        ann.call("message", targetClientId=ben.id, message="later")
        again = come(ben.id)
        assert again.hears("message")["content"] == "later"

    def test_the_host_turns_a_client_away(self, host: Host) -> None:
        client = socketio.Client(reconnection=False)
        heard = _Heard()
        client.on("connect_error", lambda data: heard.put([data]))
        headers, auth = host.credentials("nobody")
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(
                host.url,
                headers=headers,
                auth=auth or None,
                socketio_path=host.path,
                transports=["websocket"],
                wait_timeout=SECONDS,
            )
        client.shutdown()
        assert heard.next(lambda entry: True)[0]["data"]["code"] == "unauthorized"

    def test_the_host_links_and_sends(self, host: Host, come: Come) -> None:
        ann, ben = come(fresh("ann")), come(fresh("ben"))
        answer = host.introduce(ann.id, ben.id)
        ben.hears("link_established")
        heard = ben.hears("message")
        assert (answer, heard["from"], heard["content"]) == (
            {"online": True, "seq": 1},
            ann.id,
            "hello from a view",
        )

    def test_the_host_is_told_why_it_cannot(self, host: Host) -> None:
        assert host.introduce("no-such", "client") == {"refused": "not_found"}

    def test_the_page_is_there(self, host: Host) -> None:
        status, body, _ = host.process.get(f"{host.prefix}/simple")
        script, _, _ = host.process.get(f"{host.prefix}/socket.io/socket.io.min.js")
        assert (status, b"<!doctype html>" in body.lower(), script) == (200, True, 200)

    @pytest.mark.parametrize("library", ["socket.io-client-oldest", "socket.io-client-newest"])
    def test_the_official_client_connects(self, host: Host, library: str) -> None:
        node.package(library)
        path = f"{host.prefix}/socket.io/"
        client = JavaScript(library, host.url, path=path).identified()
        try:
            answer = client.call("message", targetClientId=client.id, message="to myself")
        finally:
            client.close()
        assert answer["code"] in ("not_linked", "invalid")

    def test_nothing_is_logged_as_an_error(self, host: Host) -> None:
        assert "Traceback" not in host.process.log


class ApplicationContract(Contract):
    def test_the_application_forbids_a_request(self, come: Come) -> None:
        come("private")
        answer = come(fresh("ann")).call("link_request", targetClientId="private")
        assert (answer["code"], answer["targetClientId"]) == ("unauthorized", "private")

    def test_the_application_forbids_an_invitation_to_be_redeemed(self, come: Come) -> None:
        code = come("private").call("invite_create")["code"]
        answer = come(fresh("ann")).call("invite_redeem", code=code)
        assert (answer["code"], "targetClientId" in answer) == ("unauthorized", False)
