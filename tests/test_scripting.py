"""``duologue send`` and ``duologue listen``, as the processes that scripts start."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from duologue.client import Client
from tests.support.process import Serve, ServerProcess
from tests.support.tokens import SECRET, token

SECONDS = 20


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("duologue", "serve", "--port", "0", "--store", "memory:")
    yield process
    process.stop()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "duologue", *arguments]


def send(
    *arguments: str, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("send", *arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **(env or {})},
    )


class Listener:
    """A running ``duologue listen``."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self.process = subprocess.Popen(
            command("listen", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, **env},
        )
        self.printed: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            self._lines.put(line)

    def hears(self, event: str) -> dict[str, Any]:
        """The next event of this name."""
        while True:
            values: dict[str, Any] = json.loads(self._lines.get(timeout=SECONDS))
            if values["event"] == event:
                return values

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Stop it; its exit code and what it has written to standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with self.process.stdout, self.process.stderr:
            return self.process.returncode, self.process.stderr.read()


@pytest.fixture
def listen() -> Iterator[Any]:
    listeners: list[Listener] = []

    def start(*arguments: str, **env: str) -> Listener:
        listeners.append(Listener(*arguments, **env))
        return listeners[-1]

    yield start
    for listener in listeners:
        if listener.process.poll() is None:
            listener.stop(signal.SIGKILL)


def test_what_is_sent_is_heard(server: ServerProcess, listen: Any, tmp_path: Path) -> None:
    ann, ben = str(tmp_path / "ann.json"), str(tmp_path / "ben.json")
    listener = listen("--url", server.url, "--accept-all", "--identity", ben, "--name", "Ben")
    peer = listener.hears("connected")["clientId"]
    refused = send(peer, "too early", "--url", server.url, "--identity", ann)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "not connected to this client: use an invitation (--invite)" in refused.stderr
    asker = listen("--url", server.url, "--identity", ann)
    asker.hears("connected")
    code = invitation(server, ben)
    assert asker.stop() == (0, "")
    done = send("hello", "--url", server.url, "--identity", ann, "--invite", code)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["to"], answer["seq"], answer["status"]) == (peer, 1, "delivered")
    heard = listener.hears("message")
    assert (heard["content"], heard["id"]) == ("hello", answer["id"])


def invitation(server: ServerProcess, identity: str) -> str:
    """An invitation of the identity in a file."""

    async def invite() -> str:
        token = json.loads(Path(identity).read_text())["resumeToken"]
        async with Client(server.url, resume_token=token) as client:
            return (await client.invite()).code

    return asyncio.run(invite())


def test_text_may_come_from_standard_input(
    server: ServerProcess, listen: Any, tmp_path: Path
) -> None:
    identity = str(tmp_path / "ben.json")
    listener = listen("--url", server.url, "--identity", identity)
    peer = listener.hears("connected")["clientId"]
    code = invitation(server, identity)
    flags = ("--url", server.url, "--invite", code)
    assert send(peer, "-", *flags, stdin="one\ntwo\n").returncode == 0
    assert listener.hears("message")["content"] == "one\ntwo"


def test_lines_are_utf_8_whatever_the_terminal_has(server: ServerProcess, listen: Any) -> None:
    listener = listen("--url", server.url, "--accept-all", PYTHONIOENCODING="ascii")
    peer = listener.hears("connected")["clientId"]

    async def ask() -> None:
        async with Client(server.url, name="N\u00e9 \U0001f600") as client:
            await client.request(peer)

    asyncio.run(ask())
    assert listener.hears("link_requested")["name"] == "N\u00e9 \U0001f600"


def test_standard_input_that_is_closed_is_wrong_use() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m duologue send ben <&-"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, "is closed" in done.stderr) == (2, True)


def test_the_identity_stays_and_only_its_owner_may_read_it(
    server: ServerProcess, listen: Any, tmp_path: Path
) -> None:
    path = tmp_path / "me.json"
    seen = []
    for _ in range(2):
        listener = listen("--url", server.url, "--identity", str(path))
        seen.append(listener.hears("connected")["clientId"])
        listener.stop()
    assert seen[0] == seen[1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["me.json"]


def test_the_token_is_never_printed(server: ServerProcess, listen: Any, tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    listener = listen("--url", server.url, "--identity", str(path))
    listener.hears("connected")
    token = json.loads(path.read_text())["resumeToken"]
    _, said = listener.stop()
    assert token not in said + "".join(listener.printed)


def test_an_identity_is_not_shown_to_another_server(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    path.write_text('{"server": "https://elsewhere.example", "resumeToken": "secret"}')
    done = send("peer", "text", "--url", server.url, "--identity", str(path))
    assert (done.returncode, "identity at https://elsewhere.example" in done.stderr) == (2, True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"resumeToken": 1}', "\xff"])
def test_a_file_that_is_no_identity_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "me.json"
    path.write_text(content)
    done = send("peer", "text", "--identity", str(path))
    assert (done.returncode, path.read_text()) == (2, content)


def test_an_identity_that_has_ended_is_a_failure(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    path.write_text(json.dumps({"server": server.url, "resumeToken": "x" * 43}))
    done = send("peer", "text", "--url", server.url, "--identity", str(path))
    assert (done.returncode, "(expired)" in done.stderr) == (1, True)


def test_an_identity_that_could_not_be_kept_is_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "me.json"
    done = send("peer", "text", "--identity", str(path))
    assert (done.returncode, f"there is no folder {path.parent}" in done.stderr) == (2, True)


def test_what_is_no_text_is_not_sent() -> None:
    done = subprocess.run(
        command("send", "peer"),
        input=b"\xff\xfe",
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    said = b"standard input is not text in UTF-8"
    assert (done.returncode, said in done.stderr) == (2, True)


@pytest.fixture(scope="module")
def guarded() -> Iterator[ServerProcess]:
    """A server that asks for tokens."""
    env = {"DUOLOGUE_AUTH_SECRET": SECRET}
    process = ServerProcess("duologue", "serve", "--port", "0", "--store", "memory:", env=env)
    yield process
    process.stop()


def test_a_token_says_who_listens(guarded: ServerProcess, listen: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token("backup-job") + "\n")
    listener = listen("--url", guarded.url, "--token-file", str(tmp_path / "token"))
    assert listener.hears("connected")["clientId"] == "backup-job"


@pytest.mark.parametrize("content", ["", "x.y.z", "\xff"])
def test_a_file_without_a_token_lets_nobody_in(
    guarded: ServerProcess, tmp_path: Path, content: str
) -> None:
    (tmp_path / "token").write_text(content)
    flags = ("--url", guarded.url, "--token-file", str(tmp_path / "token"))
    done = send("peer", "text", *flags)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


def test_an_identity_and_a_token_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    flags = ("--identity", str(tmp_path / "me"), "--token-file", str(tmp_path / "token"))
    assert send("peer", "text", *flags).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_listening_ends_cleanly(server: ServerProcess, listen: Any, number: int) -> None:
    listener = listen("--url", server.url)
    listener.hears("connected")
    assert listener.stop(number) == (0, "")


def test_no_server_is_an_exit_code_of_its_own() -> None:
    done = send("peer", "text", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    "arguments", [[], ["peer", "text", "stray"], ["peer", "text", "--url", "ftp://a"]]
)
def test_wrong_use_is_refused(arguments: list[str]) -> None:
    assert send(*arguments).returncode == 2


def test_an_invitation_of_somebody_else_sends_nothing(
    server: ServerProcess, listen: Any, tmp_path: Path
) -> None:
    identity = str(tmp_path / "ben.json")
    listener = listen("--url", server.url, "--identity", identity)
    listener.hears("connected")
    code = invitation(server, identity)
    done = send("somebody", "text", "--url", server.url, "--invite", code)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_certificate_of_ones_own_can_be_trusted(serve: Serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    pem = str(tmp_path / "server.pem")
    url = serve("--ssl-certfile", pem, "--ssl-keyfile", pem).url
    trusting = send("nobody", "text", "--url", url, "--cafile", str(tmp_path / "ca.pem"))
    assert (trusting.returncode, "(not_found)" in trusting.stderr) == (1, True)
    assert send("nobody", "text", "--url", url).returncode == 3
