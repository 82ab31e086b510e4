"""The REST API of a running server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.clients import Python
from tests.support.process import Serve, ServerProcess

from .conftest import API, KEY

ID = "11111111-1111-4111-8111-111111111111"

Name = Callable[[str], str]
Two = tuple[str, str]


def says(api: httpx.Client, two: Two, content: Any, **more: Any) -> httpx.Response:
    ann, ben = two
    return api.post("/messages", json={"from": ann, "to": ben, "content": content, **more})


def problem(response: httpx.Response) -> tuple[int, str]:
    """Its status and code; what is answered with an error is a problem."""
    found = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert found["status"] == response.status_code
    return response.status_code, found["code"]


# Clients


def test_a_client_is_online_while_it_has_a_session(
    api: httpx.Client, server: ServerProcess, name: Name
) -> None:
    ann = Python(server.url)
    answer = api.get("/online", params={"client": [ann.id, name("ben")]})
    ann.close()
    assert answer.json() == {"online": {ann.id: True, name("ben"): False}}


@pytest.mark.parametrize(("number", "status"), [(0, 422), (1, 200), (100, 200), (101, 422)])
def test_up_to_a_hundred_clients_are_looked_up_at_once(
    api: httpx.Client, number: int, status: int
) -> None:
    names = [f"client-{each}" for each in range(number)]
    assert api.get("/online", params={"client": names}).status_code == status


def test_a_client_is_described(api: httpx.Client, two: Two) -> None:
    ann, ben = two
    says(api, two, "hi")
    assert api.get("/client", params={"client": ben}).json() == {
        "clientId": ben,
        "name": None,
        "online": False,
        "lastSeen": None,
        "kept": True,
        "links": [
            {
                "peer": ann,
                "name": None,
                "online": False,
                "lastSeen": None,
                "seq": 1,
                "unread": 1,
                "delivered": 0,
                "read": 0,
            }
        ],
        "requests": [],
        "requested": [],
        "blocked": [],
    }


def test_a_client_that_is_not_known_is_not_found(api: httpx.Client, name: Name) -> None:
    answer = api.get("/client", params={"client": name("nobody")})
    assert problem(answer) == (404, "not_found")
    assert answer.json()["targetClientId"] == name("nobody")


@pytest.mark.parametrize("id", ["a/b", "..", "%2F", "?x=1&y#z", "+ +", "ä\n\x01", "x" * 128])
def test_a_client_id_may_hold_any_character(api: httpx.Client, id: str, name: Name) -> None:
    api.post("/links", json={"client": id, "peer": name("peer"), "create": True})
    found = api.get("/client", params={"client": id})
    assert found.json()["clientId"] == id
    assert api.delete("/client", params={"client": id}).status_code == 204


@pytest.mark.parametrize("id", ["", "x" * 129, "\0"])
def test_what_is_no_client_id_is_refused(api: httpx.Client, id: str) -> None:
    assert problem(api.get("/client", params={"client": id})) == (422, "invalid")


def test_a_client_is_disconnected(api: httpx.Client, server: ServerProcess) -> None:
    ann = Python(server.url, auth={"keep": True})
    assert api.post("/disconnect", json={"client": ann.id}).json() == {"sessions": 1}
    assert api.get("/client", params={"client": ann.id}).json()["online"] is False
    ann.close()


def test_a_client_is_forgotten(api: httpx.Client, two: Two) -> None:
    answer = api.delete("/client", params={"client": two[0]})
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem(api.get("/client", params={"client": two[0]})) == (404, "not_found")


# Links and blocks


def test_two_that_are_connected_hear_of_their_link(
    api: httpx.Client, server: ServerProcess
) -> None:
    ann, ben = Python(server.url), Python(server.url)
    answer = api.post("/links", json={"client": ann.id, "peer": ben.id})
    heard = (ann.hears("link_established")["peer"], ben.hears("link_established")["peer"])
    api.delete("/links", params={"client": ann.id, "peer": ben.id})
    closed = (ann.hears("link_closed"), ben.hears("link_closed"))
    ann.close()
    ben.close()
    assert (answer.status_code, answer.json()) == (201, {"new": True, "state": "linked"})
    assert heard == (ben.id, ann.id)
    assert closed == ({"peer": ben.id}, {"peer": ann.id})


def test_a_link_that_is_there_is_not_new(api: httpx.Client, two: Two) -> None:
    answer = api.post("/links", json={"client": two[1], "peer": two[0]})
    assert (answer.status_code, answer.json()) == (200, {"new": False, "state": "linked"})


def test_nobody_is_made_known_unless_it_is_asked_for(api: httpx.Client, name: Name) -> None:
    answer = api.post("/links", json={"client": name("ann"), "peer": name("ben")})
    assert problem(answer) == (404, "not_found")


def test_a_link_that_is_not_there_is_not_closed(api: httpx.Client, two: Two) -> None:
    params = {"client": two[0], "peer": two[1]}
    assert api.delete("/links", params=params).status_code == 204
    assert problem(api.delete("/links", params=params)) == (409, "not_linked")


def test_a_block_closes_the_link_until_it_is_taken_back(api: httpx.Client, two: Two) -> None:
    pair = {"client": two[0], "peer": two[1]}
    assert api.post("/blocks", json=pair).status_code == 204
    assert api.get("/client", params={"client": two[0]}).json()["blocked"] == [two[1]]
    assert problem(api.post("/links", json=pair)) == (409, "blocked")
    assert api.delete("/blocks", params=pair).status_code == 204
    assert api.post("/links", json=pair).status_code == 201


# Messages


def test_a_message_reaches_one_that_is_connected(
    api: httpx.Client, server: ServerProcess, name: Name
) -> None:
    ben = Python(server.url)
    api.post("/links", json={"client": name("ann"), "peer": ben.id, "create": True})
    answer = says(api, (name("ann"), ben.id), {"order": 7}, id=ID)
    heard = ben.hears("message")
    ben.close()
    reply = answer.json()
    assert answer.status_code == 201
    assert reply == {"id": ID, "seq": 1, "at": reply["at"], "status": "delivered", "ok": True}
    assert heard == {
        "from": name("ann"),
        "content": {"order": 7},
        "id": ID,
        "seq": 1,
        "at": reply["at"],
    }


def test_history_comes_page_by_page(api: httpx.Client, two: Two) -> None:
    for number in range(3):
        says(api, two, number)
    params: dict[str, Any] = {"client": two[1], "peer": two[0], "limit": 2}
    last = api.get("/messages", params=params).json()
    first = api.get("/messages", params={**params, "before": 2}).json()
    assert ([each["content"] for each in last["messages"]], last["more"]) == ([1, 2], True)
    assert ([each["content"] for each in first["messages"]], first["more"]) == ([0], False)
    assert {(each["from"], each["to"]) for each in last["messages"]} == {two}


def test_binary_goes_both_ways_as_base64(
    api: httpx.Client, server: ServerProcess, name: Name
) -> None:
    ben = Python(server.url)
    pair = (name("ann"), ben.id)
    api.post("/links", json={"client": pair[0], "peer": ben.id, "create": True})
    content = {"picture": {"_placeholder": True, "num": 0}}
    attachments = [base64.b64encode(b"\x00\xff").decode()]
    assert says(api, pair, content, attachments=attachments).status_code == 201
    heard = ben.hears("message")["content"]
    page = api.get("/messages", params={"client": ben.id, "peer": pair[0]}).json()
    ben.close()
    assert heard == {"picture": b"\x00\xff"}
    assert page["messages"][0]["content"] == content
    assert page["messages"][0]["attachments"] == attachments


@pytest.mark.parametrize(
    ("content", "attachments"),
    [
        ({"_placeholder": True, "num": 0}, []),
        ({"_placeholder": True, "num": 1}, ["aGk="]),
        ({"_placeholder": True, "num": "0"}, ["aGk="]),
        ([{"_placeholder": True, "num": 0}] * 2, ["aGk="]),
        ("none", ["aGk="]),
        ({"_placeholder": False}, []),
        ({"_placeholder": True, "num": 0}, ["not base64"]),
    ],
)
def test_attachments_have_one_placeholder_each(
    api: httpx.Client, two: Two, content: Any, attachments: list[str]
) -> None:
    answer = says(api, two, content, attachments=attachments)
    assert problem(answer) == (422, "invalid")


def test_a_message_has_at_most_ten_attachments(api: httpx.Client, two: Two) -> None:
    for number, expected in ((10, 201), (11, 413)):
        content = [{"_placeholder": True, "num": each} for each in range(number)]
        answer = says(api, two, content, attachments=["aGk="] * number)
        assert answer.status_code == expected


def test_messages_need_a_link(api: httpx.Client, two: Two) -> None:
    api.delete("/links", params={"client": two[0], "peer": two[1]})
    assert problem(says(api, two, "hi")) == (409, "not_linked")


def test_content_nests_as_deep_as_a_clients(api: httpx.Client, two: Two) -> None:
    for depth, status in ((30, 201), (31, 422), (32, 422), (2_000, 422)):
        content = "[" * depth + "]" * depth
        body = f'{{"from":"{two[0]}","to":"{two[1]}","content":{content}}}'
        headers = {"content-type": "application/json"}
        answer = api.post("/messages", content=body, headers=headers)
        assert answer.status_code == status, depth


# Idempotency keys


def keyed(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def test_a_message_with_the_same_key_is_sent_once(api: httpx.Client, two: Two, name: Name) -> None:
    body = {"from": two[0], "to": two[1], "content": "once"}
    first = api.post("/messages", json=body, headers=keyed(name("key")))
    reordered = dict(reversed(body.items()))
    again = api.post("/messages", json=reordered, headers=keyed(name("key")))
    assert (again.status_code, again.json()) == (201, first.json())
    page = api.get("/messages", params={"client": two[0], "peer": two[1]}).json()
    assert len(page["messages"]) == 1


def test_the_same_key_with_another_body_is_refused(api: httpx.Client, two: Two, name: Name) -> None:
    body = {"from": two[0], "to": two[1], "content": 1}
    api.post("/messages", json=body, headers=keyed(name("key")))
    other = api.post("/messages", json={**body, "content": 2}, headers=keyed(name("key")))
    assert problem(other) == (422, "invalid")


def test_the_first_answer_is_given_again(api: httpx.Client, name: Name) -> None:
    body = {"client": name("ann"), "peer": name("ben"), "create": True}
    answers = [api.post("/links", json=body, headers=keyed(name("key"))) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]


def test_a_refusal_is_given_again_too(api: httpx.Client, name: Name) -> None:
    body = {"client": name("ann"), "peer": name("ben")}
    first = api.post("/links", json=body, headers=keyed(name("key")))
    api.post("/links", json={**body, "create": True})
    again = api.post("/links", json=body, headers=keyed(name("key")))
    assert (problem(first), problem(again)) == ((404, "not_found"), (404, "not_found"))


@pytest.mark.parametrize(("key", "status"), [("k" * 255, 201), ("k" * 256, 422), ("a b", 422)])
def test_a_key_has_a_length_and_no_spaces(
    api: httpx.Client, two: Two, key: str, status: int
) -> None:
    body = {"from": two[0], "to": two[1], "content": key}
    unique = key.replace("k" * 32, two[0][-32:], 1)
    answer = api.post("/messages", json=body, headers=keyed(unique))
    assert answer.status_code == status


def test_a_messages_key_outlives_the_server(serve: Serve, name: Name) -> None:
    env = {"DUOLOGUE_API_KEY": KEY}
    headers = {"authorization": f"Bearer {KEY}", **keyed("order-7")}
    body = {"from": "ann", "to": "ben", "content": "once"}
    first = serve(env=env)
    link = {"client": "ann", "peer": "ben", "create": True}
    httpx.post(f"{first.url}{API}/links", json=link, headers=headers)
    headers |= keyed("order-8")
    answers = [httpx.post(f"{first.url}{API}/messages", json=body, headers=headers).json()]
    first.terminate()
    first.process.wait(20)
    second = serve(env=env, folder=first.folder)
    answers.append(httpx.post(f"{second.url}{API}/messages", json=body, headers=headers).json())
    assert answers[0]["ok"]
    assert answers[1] == answers[0]


# What is no request


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"client":"\xff"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"client":1}', 422),
        (b'{"client":"x","more":1}', 422),
        (b'{"client":null}', 422),
        (b'{"client":1e999}', 422),
        (b"[" * 5_000 + b"]" * 5_000, 422),
    ],
)
def test_a_body_that_does_not_fit_is_refused(api: httpx.Client, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = api.post("/disconnect", content=body, headers=headers)
    assert problem(answer) == (status, "invalid")


def test_a_body_has_a_greatest_size(api: httpx.Client, two: Two) -> None:
    around = len(json.dumps({"client": ""}))
    headers = {"content-type": "application/json"}
    for size, expected in ((10_000, 422), (10_001, 413)):
        body = json.dumps({"client": "x" * (size - around)})
        assert len(body) == size
        answer = api.post("/disconnect", content=body, headers=headers)
        assert answer.status_code == expected


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 404),
        ("Application/JSON; charset=UTF-8", 404),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_a_body_is_json(api: httpx.Client, media_type: str, status: int) -> None:
    headers = {"content-type": media_type}
    answer = api.post("/disconnect", content=b'{"client":"nobody"}', headers=headers)
    assert answer.status_code == status


def test_a_body_is_not_compressed(api: httpx.Client) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert api.post("/disconnect", content=b"x", headers=headers).status_code == 415


@pytest.mark.parametrize(
    "query",
    ["", "client=a&client=b", "client=a&more=1", "client", "client=%FF", "client=a&peer=b"],
)
def test_a_query_that_does_not_fit_is_refused(api: httpx.Client, query: str) -> None:
    assert problem(api.get(f"/client?{query}"))[0] in (400, 422)


@pytest.mark.parametrize("value", ["limit=0", "limit=101", "limit=x", "before=-1", "before=null"])
def test_numbers_in_a_query_are_numbers_in_their_range(
    api: httpx.Client, two: Two, value: str
) -> None:
    answer = api.get(f"/messages?client={two[0]}&peer={two[1]}&{value}")
    assert problem(answer) == (422, "invalid")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/client/", "/client/x"])
def test_there_is_nothing_else(api: httpx.Client, server: ServerProcess, path: str) -> None:
    answer = httpx.get(server.url + API + path, headers=api.headers)
    assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/client", "DELETE, GET, HEAD"),
        ("GET", "/disconnect", "POST"),
        ("PATCH", "/messages", "GET, HEAD, POST"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_offered_is_refused(
    api: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = api.request(method, path)
    assert problem(answer) == (405, "invalid")
    assert answer.headers["allow"] == allowed


def test_head_is_get_without_a_body(api: httpx.Client, two: Two) -> None:
    answer = api.head("/client", params={"client": two[0]})
    assert (answer.status_code, answer.content) == (200, b"")


def test_answers_are_not_to_be_stored_nor_shared_with_other_origins(api: httpx.Client) -> None:
    answer = api.get("/online?client=a", headers={"origin": "https://example.org"})
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_is_still_there(server: ServerProcess) -> None:
    assert httpx.get(f"{server.url}/simple").status_code == 200
    assert httpx.get(f"{server.url}/api/v10").headers["content-type"].startswith("text/plain")
