"""A server that asks for tokens, as a process; its clients and its issuer's server are real too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio as python_socketio
from websockets.sync.client import ClientConnection

from tests.support.clients import SECONDS, Python, _Heard
from tests.support.process import Serve, ServerProcess
from tests.support.raw import receive, socketio, until_closed, websocket
from tests.support.tokens import SECRET, KeyServer, jwk, jwks, private_key, public_pem, token

MEMORY = ("--store", "memory:")
#: How long a token lasts whose end a test waits for: a slow machine has to be in with it before
SOON = 3
WITH_SECRET = {"DUOLOGUE_AUTH_SECRET": SECRET}


@pytest.fixture
def server(serve: Serve) -> ServerProcess:
    """A server that takes tokens signed with the secret, to the second."""
    return serve(*MEMORY, "--auth-leeway-seconds", "0", env=WITH_SECRET)


@pytest.fixture(scope="module")
def door() -> Iterator[ServerProcess]:
    """One that many tests knock at."""
    server = ServerProcess("duologue", "serve", "--port", "0", *MEMORY, env=WITH_SECRET)
    yield server
    server.stop()


def connect(signed: object, **auth: Any) -> str:
    return "40" + json.dumps({"token": signed, **auth})


def answer(url: str, packet: str) -> tuple[str, str]:
    """How a CONNECT is answered: the client's ID, or the code with which it is refused."""
    with websocket(url) as connection:
        receive(connection)
        connection.send(packet)
        return answered(connection)


def answered(connection: ClientConnection) -> tuple[str, str]:
    first = str(receive(connection))
    if first.startswith("44"):
        return "refused", json.loads(first[2:])["data"]["code"]
    name, payload = json.loads(str(receive(connection))[2:])
    assert name == "client_id"
    return "connected", payload["clientId"]


def event(connection: ClientConnection) -> Any:
    return json.loads(str(receive(connection)).lstrip("0123456789"))


# Coming in


def test_a_token_says_who_a_client_is(door: ServerProcess) -> None:
    assert answer(door.url, connect(token("ann"))) == ("connected", "ann")


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        pytest.param(None, "unauthorized", id="none"),
        pytest.param("", "unauthorized", id="empty"),
        pytest.param("x.y.z", "unauthorized", id="no token"),
        pytest.param(token("ann", ttl=-11), "expired", id="over"),
        pytest.param(token("ann", key="x" * 64), "unauthorized", id="another key"),
        pytest.param(token("ann", algorithm="HS512"), "unauthorized", id="another algorithm"),
        pytest.param(token("ann", algorithm="RS256"), "unauthorized", id="another kind of key"),
        pytest.param(token("ann", aud="them"), "unauthorized", id="for others"),
        pytest.param(token("ann", nbf=time.time() + 9e8), "unauthorized", id="not yet"),
        pytest.param(token(None), "unauthorized", id="of nobody"),
        pytest.param(7, "invalid", id="a number"),
        pytest.param("x" * 16_384, "unauthorized", id="as long as may be"),
        pytest.param("x" * 16_385, "invalid", id="too long"),
    ],
)
def test_without_a_good_token_nobody_comes_in(
    door: ServerProcess, signed: object, code: str
) -> None:
    assert answer(door.url, connect(signed)) == ("refused", code)


def test_a_token_of_most_characters_is_taken(door: ServerProcess) -> None:
    spare = 16_384 - len(token("ann", ttl=9e8, x=""))
    signed = token("ann", ttl=9e8, x="x" * (spare * 3 // 4 - 1))
    assert 16_380 <= len(signed) <= 16_384
    assert answer(door.url, connect(signed)) == ("connected", "ann")


def test_no_resume_token_comes_in_where_tokens_are_asked_for(serve: Serve, tmp_path: Path) -> None:
    before = serve(folder=tmp_path)
    with socketio(before.url, '40{"keep":true}') as ann:
        resume_token = event(ann)[1]["resumeToken"]
    before.stop()
    server = serve(folder=tmp_path, env=WITH_SECRET)
    packet = "40" + json.dumps({"resumeToken": resume_token})
    assert answer(server.url, packet) == ("refused", "unauthorized")


def test_anonymous_clients_come_in_where_they_may(serve: Serve) -> None:
    server = serve(*MEMORY, "--anonymous", env=WITH_SECRET)
    assert answer(server.url, "40")[0] == "connected"
    assert answer(server.url, connect(token("ann"))) == ("connected", "ann")
    assert answer(server.url, connect("x.y.z")) == ("refused", "unauthorized")


def test_the_name_in_a_token_is_shown_to_those_who_are_asked(server: ServerProcess) -> None:
    with (
        socketio(server.url, connect(token("ann", name="Ann"), name="Ben")) as ann,
        socketio(server.url, connect(token("ben"))) as ben,
    ):
        event(ann), event(ben)
        ann.send('42["link_request",{"targetClientId":"ben"}]')
        name, payload = event(ben)
        assert (name, payload["name"]) == ("link_requested", "Ann")


def test_a_client_comes_back_with_its_next_token_to_what_it_has_missed(
    server: ServerProcess,
) -> None:
    ben = Python(server.url, auth={"token": token("ben")})
    with socketio(server.url, connect(token("ann"))) as ann:
        event(ann)
        assert ben.call("link_request", targetClientId="ann")["ok"]
        ann.send('421["link_accept",{"targetClientId":"ben"}]')
        assert ben.hears("link_established")["peer"] == "ann"
    assert ben.hears("presence")
    while ben.call("message", targetClientId="ann", message="missed")["status"] != "stored":
        pass
    again = Python(server.url, auth={"token": token("ann")})
    assert again.hears("message")["content"] == "missed"
    ben.close()
    again.close()


# The end of a token


def test_a_session_ends_with_its_token_while_messages_are_under_way(server: ServerProcess) -> None:
    ben = Python(server.url, auth={"token": token("ben")})
    end = int(time.time()) + 1 + SOON
    with socketio(server.url, connect(token("ann", exp=end))) as ann:
        event(ann)
        assert ben.call("link_request", targetClientId="ann")["ok"]
        ann.send('421["link_accept",{"targetClientId":"ben"}]')
        acked, number = 0, 0
        refused: Any = None
        while refused is None:
            ann.send(f'42{number + 10}["message",{{"targetClientId":"ben","message":{number}}}]')
            number += 1
            time.sleep(0.002)  # its peer here is slower than the server
            packet = str(receive(ann))
            acked += packet.startswith("43") and '"seq"' in packet
            refused = json.loads(packet[2:]) if packet.startswith('42["refused"') else None
        assert (refused[1]["event"], refused[1]["code"]) == ("token", "expired")
        assert end <= time.time()
        assert receive(ann) == "41"
    seqs = [ben.hears("message")["seq"] for _ in range(acked)]
    # This client has a thread for each event, so that they may have overtaken each other there
    assert sorted(seqs) == list(range(1, acked + 1))
    ben.close()


def test_a_client_that_brings_a_new_token_in_time_stays(server: ServerProcess) -> None:
    first = int(time.time()) + 1 + SOON
    later = first + 1
    with socketio(server.url, connect(token("ann", exp=first))) as ann:
        event(ann)
        ann.send(f'427["token",{{"token":"{token("ann", exp=later)}"}}]')
        assert event(ann) == [{"ok": True, "expiresAt": later * 1000}]
        assert event(ann)[0] == "refused"
        assert time.time() >= later


def test_a_client_does_not_stay_by_the_token_of_another(server: ServerProcess) -> None:
    with socketio(server.url, connect(token("ann", ttl=SOON))) as ann:
        event(ann)
        ann.send(f'427["token",{{"token":"{token("ben")}"}}]')
        assert event(ann)[0]["code"] == "unauthorized"
        name, payload = event(ann)
        assert (name, payload["code"]) == ("refused", "expired")


@pytest.mark.parametrize("length", [16_384, 16_385])
def test_a_new_token_is_no_longer_than_the_first_may_be(server: ServerProcess, length: int) -> None:
    with socketio(server.url, connect(token("ann"))) as ann:
        event(ann)
        ann.send(f'427["token",{{"token":"{"x" * length}"}}]')
        code = "unauthorized" if length == 16_384 else "invalid"
        assert event(ann)[0]["code"] == code


def test_a_client_may_come_back_on_the_same_connection(server: ServerProcess) -> None:
    with socketio(server.url, connect(token("ann", ttl=SOON))) as ann:
        event(ann)
        assert event(ann)[0] == "refused"
        assert receive(ann) == "41"
        ann.send(connect(token("ann")))
        assert answered(ann) == ("connected", "ann")


def test_python_socketio_hears_why_its_session_ends(server: ServerProcess) -> None:
    heard = _Heard()
    client = python_socketio.Client(reconnection=False)
    # This client has a thread for each, so that they may come in any order
    client.on("refused", lambda payload: heard.put(["refused", payload]))
    client.on("disconnect", lambda reason: heard.put(["disconnect", reason]))
    client.connect(server.url, auth={"token": token("ann", ttl=SOON)}, wait_timeout=SECONDS)
    heard.next(lambda entry: entry[0] == "disconnect")
    assert heard.next(lambda entry: entry[0] == "refused")[1]["code"] == "expired"
    client.shutdown()


# Keys behind a URL


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    with KeyServer(jwks(jwk(private_key("ES256"), "ES256", "one"))) as issuer:
        yield issuer


def signed(kid: str = "one", number: int = 0, issuer: str = "https://a.example") -> str:
    return token("ann", algorithm="ES256", key=private_key("ES256", number), kid=kid, iss=issuer)


def trusting(serve: Serve, *issuers: KeyServer, flags: tuple[str, ...] = ()) -> ServerProcess:
    names = [f"https://{letter}.example" for letter, _ in zip("ab", issuers, strict=False)]
    return serve(
        *MEMORY,
        *("--auth-jwks", ",".join(issuer.url for issuer in issuers)),
        *("--auth-issuer", ",".join(names)),
        *("--auth-jwks-interval-seconds", "0.1"),
        *flags,
    )


def held_up(issuer: KeyServer) -> tuple[threading.Event, threading.Event]:
    """Have an issuer wait before it answers; an event for being asked, one to go on."""
    fetching, go_on = threading.Event(), threading.Event()

    def before() -> None:
        fetching.set()
        go_on.wait()

    issuer.before = before
    return fetching, go_on


def test_a_key_is_fetched_once_for_many_clients(serve: Serve, issuer: KeyServer) -> None:
    server = trusting(serve, issuer)
    answers = {answer(server.url, connect(signed())) for _ in range(20)}
    assert (answers, issuer.asked) == ({("connected", "ann")}, 1)


def test_a_new_key_of_the_issuer_is_taken(serve: Serve, issuer: KeyServer) -> None:
    server = trusting(serve, issuer)
    answer(server.url, connect(signed()))
    issuer.body = jwks(jwk(private_key("ES256", 1), "ES256", "two"))
    time.sleep(0.1)  # until it may be asked again
    assert answer(server.url, connect(signed("two", 1))) == ("connected", "ann")
    time.sleep(0.1)
    assert answer(server.url, connect(signed("one"))) == ("refused", "unauthorized")


def test_an_issuer_that_is_not_known_is_never_asked_about(serve: Serve, issuer: KeyServer) -> None:
    server = trusting(serve, issuer)
    forged = signed(issuer=issuer.url)
    assert answer(server.url, connect(forged)) == ("refused", "unauthorized")
    assert issuer.asked == 0


def test_keys_of_two_issuers_with_the_same_id_are_not_mixed_up(
    serve: Serve, issuer: KeyServer
) -> None:
    with KeyServer(jwks(jwk(private_key("ES256", 1), "ES256", "one"))) as other:
        server = trusting(serve, issuer, other)
        codes = [
            answer(server.url, connect(signed("one", number, f"https://{letter}.example")))[0]
            for letter, number in (("a", 0), ("b", 1), ("a", 1), ("b", 0))
        ]
    assert codes == ["connected", "connected", "refused", "refused"]


def test_a_server_starts_and_says_later_while_its_issuer_is_down(serve: Serve) -> None:
    with KeyServer() as issuer:
        url = issuer
    server = trusting(serve, url)
    assert answer(server.url, connect(signed())) == ("refused", "unavailable")


def test_known_keys_last_while_the_issuer_is_down(serve: Serve, issuer: KeyServer) -> None:
    server = trusting(serve, issuer, flags=("--auth-jwks-ttl-seconds", "1"))
    answer(server.url, connect(signed()))
    issuer.close()
    time.sleep(1.1)
    assert answer(server.url, connect(signed())) == ("connected", "ann")


def test_a_client_that_leaves_and_comes_again_while_keys_are_fetched_is_let_in_once(
    serve: Serve, issuer: KeyServer
) -> None:
    fetching, go_on = held_up(issuer)
    server = trusting(serve, issuer)
    with websocket(server.url) as ann:
        receive(ann)
        ann.send(connect(signed("unknown")))
        assert fetching.wait(10)
        ann.send("41")
        ann.send(connect(signed()))
        go_on.set()
        assert answered(ann) == ("connected", "ann")


def test_a_client_that_nobody_can_name_in_time_is_let_go(serve: Serve, issuer: KeyServer) -> None:
    go_on = threading.Event()
    issuer.before = go_on.wait
    server = trusting(serve, issuer, flags=("--connect-timeout-seconds", "0.5"))
    with websocket(server.url) as ann:
        receive(ann)
        ann.send(connect(signed()))
        assert until_closed(ann) == []
    go_on.set()


def test_a_server_stops_while_it_waits_for_keys(serve: Serve, issuer: KeyServer) -> None:
    fetching, go_on = held_up(issuer)
    # It would wait for them for longer than it is given to stop
    server = trusting(serve, issuer, flags=("--auth-jwks-timeout-seconds", "60"))
    with websocket(server.url) as ann:
        receive(ann)
        ann.send(connect(signed()))
        assert fetching.wait(10)
        assert server.stop() == 0
    go_on.set()


# Secrets and settings


def test_neither_secret_nor_token_is_logged(serve: Serve) -> None:
    server = serve(*MEMORY, "--log-level", "debug", env=WITH_SECRET)
    good, bad = token("ann", name="Ann Somebody"), token("ben", key="x" * 64)
    answer(server.url, connect(good))
    answer(server.url, connect(bad))
    server.stop()
    assert "client ann connected" in server.log
    assert not [each for each in (SECRET, good, bad, "Somebody") if each in server.log]


def start(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and complaint of a server that does not start."""

    done = subprocess.run(
        [sys.executable, "-m", "duologue", "serve", "--port", "0", *MEMORY, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (["--auth-secret", SECRET], {}, "No such option"),
        (["--auth-algorithms", "none"], WITH_SECRET, "'none' is none of HS256"),
        (["--auth-algorithms", "RS256"], WITH_SECRET, "RS256 needs a public key"),
        (["--auth-public-key-file", "x", "--auth-algorithms", "HS256"], {}, "needs a secret"),
        (["--auth-public-key-file", "x"], WITH_SECRET, "exclude each other"),
        (["--auth-jwks", "http://example.org/"], {}, "neither https nor on this machine"),
        (["--auth-jwks", "https://example.org/"], {}, "needs auth_issuer"),
        (["--auth-issuer", "me"], {}, "of no use without a key"),
        (["--no-anonymous"], {}, "nobody can connect"),
        (["--auth-leeway-seconds", "-1"], WITH_SECRET, "x>=0"),
        ([], {"DUOLOGUE_AUTH_SECRET": ""}, "auth_secret is empty"),
        (["--auth-secret-file", ""], {}, "auth_secret_file is empty"),
        (["--auth-public-key-file", ""], {}, "auth_public_key_file is empty"),
    ],
)
def test_settings_that_do_not_go_together_are_wrong_use(
    arguments: list[str], env: dict[str, str], said: str
) -> None:
    code, complaint = start(*arguments, env=env)
    assert (code, said in complaint) == (2, True), complaint


@pytest.mark.parametrize("empty", ["", ","])
@pytest.mark.parametrize("flag", ["--auth-jwks", "--auth-issuer", "--auth-audience"])
def test_a_list_that_came_out_empty_lets_nobody_in(flag: str, empty: str) -> None:
    code, complaint = start(flag, empty)
    assert (code, "is empty" in complaint) == (2, True), complaint


@pytest.mark.parametrize(
    "name", ["AUTH_SECRET_FILE", "AUTH_PUBLIC_KEY_FILE", "AUTH_JWKS", "AUTH_AUDIENCE"]
)
def test_a_variable_that_came_out_empty_lets_nobody_in(name: str) -> None:
    code, complaint = start(env={f"DUOLOGUE_{name}": ""})
    assert (code, f"{name.lower()} is empty" in complaint) == (2, True), complaint


def test_a_list_that_is_empty_in_the_settings_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "duologue.toml").write_text("auth_jwks = []")
    code, complaint = start("--config", str(tmp_path / "duologue.toml"))
    assert (code, "auth_jwks is empty" in complaint) == (2, True), complaint


def test_an_empty_variable_beats_the_settings_file_and_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "duologue.toml").write_text("auth_jwks = ['keys.json']")
    env = {"DUOLOGUE_AUTH_JWKS": ""}
    code, complaint = start("--config", str(tmp_path / "duologue.toml"), env=env)
    assert (code, "auth_jwks is empty" in complaint) == (2, True), complaint


def test_an_empty_variable_does_not_matter_beside_a_flag(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    env = {"DUOLOGUE_AUTH_SECRET_FILE": ""}
    server = serve(*MEMORY, "--auth-secret-file", str(tmp_path / "secret"), env=env)
    assert answer(server.url, connect(token("ann"))) == ("connected", "ann")


def test_a_secret_that_is_too_short_does_not_start_and_is_not_repeated() -> None:
    code, complaint = start(env={"DUOLOGUE_AUTH_SECRET": "hunter2"})
    assert (code, complaint) == (
        3,
        "duologue: Cannot use the key in auth_secret: "
        "the secret has 7 bytes, and HS256 needs 32 at least\n",
    )


@pytest.mark.parametrize("flag", ["--auth-secret-file", "--auth-public-key-file", "--auth-jwks"])
def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path, flag: str) -> None:
    path = str(tmp_path / "nothing")
    code, complaint = start(flag, path)
    assert (code, complaint.count("\n"), path in complaint) == (3, 1, True), complaint


def test_the_key_may_be_in_a_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(public_pem(private_key("EdDSA")))
    server = serve(*MEMORY, "--auth-public-key-file", str(tmp_path / "key.pem"))
    signed = token("ann", algorithm="EdDSA")
    assert answer(server.url, connect(signed)) == ("connected", "ann")


def test_the_secret_may_be_in_the_settings_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "duologue.toml").write_text(f'auth_secret = "{SECRET}"\nanonymous = false\n')
    server = serve(*MEMORY, "--config", str(tmp_path / "duologue.toml"))
    assert answer(server.url, connect(token("ann"))) == ("connected", "ann")


@pytest.mark.parametrize("line", ["auth_secret = 7", "anonymous = 'no'", "anonymous = 1"])
def test_a_settings_file_with_another_type_is_wrong_use(tmp_path: Path, line: str) -> None:
    (tmp_path / "duologue.toml").write_text(line)
    code, complaint = start("--config", str(tmp_path / "duologue.toml"))
    assert (code, "wrong type" in complaint) == (2, True), complaint


def test_a_secret_in_the_environment_is_not_in_the_help() -> None:

    done = subprocess.run(
        [sys.executable, "-m", "duologue", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **WITH_SECRET},
    )
    assert (SECRET in done.stdout, "DUOLOGUE_AUTH_SECRET" in done.stdout) == (False, True)
