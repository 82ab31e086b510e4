"""``duologue send`` and ``duologue listen``: a client for scripts, which speaks JSON lines.

Exit codes: 0, 1 failure, 2 usage, 3 could not connect.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO, TypeVar

import click
import msgspec

from . import vocabulary
from .client import (
    CannotConnect,
    Client,
    Connected,
    Disconnected,
    DuologueError,
    Event,
    LinkRequested,
    Links,
    Refused,
)
from .client.http import parse_url
from .core import errors

FAILURE: Final = 1
COULD_NOT_CONNECT: Final = 3

_CommandT = TypeVar("_CommandT", bound=Callable[..., Any])


class IdentityFile:
    """An identity between two runs: a secret, which only its owner may read.

    It belongs to one server, for another one must not be told the secret. Raises
    `click.BadParameter` for a file that is none.
    """

    def __init__(self, path: Path, origin: str) -> None:
        self._path = path
        self._origin = origin
        self.resume_token: str | None = None
        if path.exists():
            self._read()
        elif not path.parent.is_dir():
            raise click.BadParameter(f"{path} cannot be made: there is no folder {path.parent}")

    def _read(self) -> None:
        try:
            values = msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
            self.resume_token = values["resumeToken"]
            origin = values["server"]
        except (OSError, msgspec.DecodeError, KeyError) as error:
            raise click.BadParameter(f"{self._path} holds no identity: {error}") from error
        if origin != self._origin:
            raise click.BadParameter(f"{self._path} is an identity at {origin}")

    def save(self, client_id: str, resume_token: str) -> None:
        """Replace the file in one step: what was in it works for an hour more at most."""
        values = {"server": self._origin, "clientId": client_id, "resumeToken": resume_token}
        # Made for its owner alone from the beginning
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(json.dumps(values) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def _common(command: _CommandT) -> _CommandT:
    for option in (
        click.option(
            "--invite", metavar="CODE", help="Use this invitation first, which makes a link."
        ),
        click.option("--name", help="Name that others are shown."),
        click.option(
            "--identity",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File with an identity that is kept, made if it is missing. Without one, the "
            "client is somebody new who is gone at the end.",
        ),
        click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File with a signed token, for a server that asks for one; read before each "
            "connection, and again before the token ends.",
        ),
        click.option(
            "--cafile",
            type=click.Path(exists=True, dir_okay=False),
            help="PEM file with the certificates to trust, instead of the system's.",
        ),
        click.option(
            "--url",
            default="http://127.0.0.1:8000",
            show_default=True,
            envvar="DUOLOGUE_SERVER",
            show_envvar=True,
            help="The server.",
        ),
    ):
        command = option(command)
    return command


def _client(
    url: str,
    cafile: str | None,
    identity: Path | None,
    token_file: Path | None,
    name: str | None,
) -> Client:
    if identity is not None and token_file is not None:
        raise click.UsageError("--identity and --token-file exclude each other")
    try:
        origin = parse_url(url).origin
        tls = None if cafile is None else ssl.create_default_context(cafile=cafile)
        file = None if identity is None else IdentityFile(identity, origin)
        client = Client(
            url,
            name=name,
            tls=tls,
            keep=file is not None,
            resume_token=None if file is None else file.resume_token,
            token=None if token_file is None else lambda: token_file.read_text("ascii").strip(),
            on_resume_token=None if file is None else lambda token: file.save(client.id, token),
        )
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    return client


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except CannotConnect as error:
        click.echo(f"duologue: {error.message}", err=True)
        sys.exit(COULD_NOT_CONNECT)
    except DuologueError as error:
        click.echo(f"duologue: {error}", err=True)
        sys.exit(FAILURE)
    except UnicodeDecodeError:
        click.echo("duologue: the file of --token-file holds no token", err=True)
        sys.exit(FAILURE)
    except BrokenPipeError:
        # Nobody reads any more; nor what Python would still like to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILURE)
    except OSError as error:
        click.echo(f"duologue: {error}", err=True)
        sys.exit(FAILURE)


def _print(values: dict[str, Any]) -> None:
    line = json.dumps(values, ensure_ascii=False) + "\n"
    # JSON is UTF-8, whatever the terminal's encoding has room for
    stdout = _binary(sys.stdout)
    stdout.write(line.encode())
    stdout.flush()


def _binary(stream: TextIO | None) -> BinaryIO:
    if stream is None:
        raise OSError("standard input or output is closed")
    return stream.buffer


def _from_standard_input() -> str:
    try:
        return _binary(sys.stdin).read().decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise click.UsageError("standard input is not text in UTF-8") from error
    except OSError as error:
        raise click.UsageError(str(error)) from error


def as_json(event: Event) -> dict[str, Any]:
    """An event as its line has it: the protocol's names and keys, ``event`` first."""
    if isinstance(event, Connected):
        name = "connected"
    elif isinstance(event, Disconnected):
        name = "disconnected"
    else:
        name = vocabulary.NOTICES[type(event)]
    payload = msgspec.to_builtins(event, builtin_types=(bytes,))
    return {"event": name, **_without_bytes(payload)}


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    return value


@click.command("send", short_help="Send a message, and print the answer.")
@click.argument("peer", required=False)
@click.argument("text", required=False)
@_common
def send_command(
    peer: str | None,
    text: str | None,
    url: str,
    cafile: str | None,
    identity: Path | None,
    token_file: Path | None,
    name: str | None,
    invite: str | None,
) -> None:
    """Send TEXT to PEER, and print what the server answers once it is stored.

    TEXT is '-', or left out, for standard input. With --invite, PEER may be left out: it is whoever
    made the invitation; without it, the two have to be linked already.
    """
    if invite is not None and text is None and peer is not None:
        peer, text = None, peer
    if invite is None and peer is None:
        raise click.UsageError("Missing argument 'PEER'.")
    if text is None or text == "-":
        text = _from_standard_input()
    client = _client(url, cafile, identity, token_file, name)
    _run(_send(client, peer, text, invite))


async def _send(client: Client, peer: str | None, text: str, invite: str | None) -> None:
    async with client:
        if invite is not None:
            maker = await client.redeem(invite)
            if peer not in (None, maker):
                sentence = f"The invitation is not {peer}'s, but {maker}'s"
                raise DuologueError(errors.INVALID, sentence)
            peer = maker
        assert peer is not None  # noqa: S101 - one of the two was given
        try:
            sent = await client.send(peer, text)
        except Refused as error:
            if error.code != errors.NOT_LINKED:
                raise
            hint = "use an invitation (--invite), or have it ask you while you listen --accept-all"
            raise DuologueError(error.code, f"{error.message}: {hint}") from error
        _print({"to": peer, "id": sent.id, "seq": sent.seq, "at": sent.at, "status": sent.status})


@click.command("listen", short_help="Print what happens, an event a line.")
@click.option("--accept-all", is_flag=True, help="Agree to every request for a link.")
@_common
def listen_command(
    accept_all: bool,
    url: str,
    cafile: str | None,
    identity: Path | None,
    token_file: Path | None,
    name: str | None,
    invite: str | None,
) -> None:
    """Print what happens, an event a line, until Ctrl+C.

    Events have the names and keys of docs/protocol.md. Binary content is {"base64": …}. The sender
    of a message hears that it was delivered when its line has been written.
    """
    client = _client(url, cafile, identity, token_file, name)
    _run(_listen(client, invite, accept_all))


async def _listen(client: Client, invite: str | None, accept_all: bool) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run makes one
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        async with client:
            if invite is not None:
                await client.redeem(invite)
            async for event in client:
                _print(as_json(event))
                if accept_all:
                    await _accept(client, event)
    except asyncio.CancelledError:
        if not stopped:
            raise


async def _accept(client: Client, event: Event) -> None:
    requests: Sequence[LinkRequested] = ()
    if isinstance(event, LinkRequested):
        requests = (event,)
    elif isinstance(event, Links):
        requests = event.requests
    for request in requests:
        try:
            await client.accept(request.sender)
        except DuologueError as error:
            click.echo(f"duologue: {request.sender}: {error}", err=True)
