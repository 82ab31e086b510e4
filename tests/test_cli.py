"""The command, as a process where it serves, and in this process where it does not get so far."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from duologue import cli
from duologue.settings import Settings, api_keys
from tests.support.process import Serve

SECONDS = 30

_CONTEXT = click.Context(cli.main)
COMMANDS = {name: cli.main.get_command(_CONTEXT, name) for name in cli.main.list_commands(_CONTEXT)}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """The command sets up logging for its process, which here is that of all tests."""
    loggers = [logging.getLogger(name) for name in (None, "uvicorn", "duologue.access")]
    before = [(each.handlers[:], each.level, each.disabled) for each in loggers]
    yield
    for each, (handlers, level, disabled) in zip(loggers, before, strict=True):
        each.handlers[:], each.disabled = handlers, disabled
        each.setLevel(level)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which the command would have served."""
    seen: list[Settings] = []
    monkeypatch.setattr(cli, "_serve", lambda settings, app: seen.append(settings))
    return seen


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["serve", *arguments], env=env)


def file(folder: Path, text: str) -> str:
    path = folder / "duologue.toml"
    path.write_text(text)
    return str(path)


def test_a_flag_beats_the_environment(settings: list[Settings]) -> None:
    run("--port", "1", env={"DUOLOGUE_PORT": "2"})
    assert settings[0].port == 1


def test_the_environment_beats_the_file(settings: list[Settings], tmp_path: Path) -> None:
    run("--config", file(tmp_path, "port = 3"), env={"DUOLOGUE_PORT": "2"})
    assert settings[0].port == 2


def test_the_file_beats_the_default(settings: list[Settings], tmp_path: Path) -> None:
    run("--config", file(tmp_path, "port = 3"))
    assert settings[0].port == 3


def test_the_environment_may_name_the_file(settings: list[Settings], tmp_path: Path) -> None:
    run(env={"DUOLOGUE_CONFIG": file(tmp_path, "port = 3")})
    assert settings[0].port == 3


def test_without_any_the_default_holds(settings: list[Settings]) -> None:
    run()
    assert settings == [Settings()]


def test_every_kind_of_value_can_stand_in_the_file(
    settings: list[Settings], tmp_path: Path
) -> None:
    text = """
    policy = "open"
    proxy_headers = true
    ping_interval = 1.5
    ping_timeout = 2
    cors_allowed_origins = ["https://a.example", "https://b.example"]
    """
    assert run("--config", file(tmp_path, text)).output == ""
    assert settings == [
        Settings(
            policy="open",
            proxy_headers=True,
            ping_interval=1.5,
            ping_timeout=2.0,
            cors_allowed_origins=("https://a.example", "https://b.example"),
        )
    ]


def test_the_file_is_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    path = tmp_path / "duologue.toml"
    ascii_terminal = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    path.write_text('# Zürich\npolicy = "closed"', encoding="utf-8")
    code, said = start_fails("--config", str(path), env=ascii_terminal)
    assert (code, "'closed' is not one of" in said) == (2, True), said


def test_lists_have_commas_in_flags_and_environment(settings: list[Settings]) -> None:
    run("--transports", "websocket", env={"DUOLOGUE_CORS_ALLOWED_ORIGINS": "http://a, http://b"})
    assert (settings[0].transports, settings[0].cors_allowed_origins) == (
        ("websocket",),
        ("http://a", "http://b"),
    )


def test_secrets_come_from_the_environment_or_the_file(
    settings: list[Settings], tmp_path: Path
) -> None:
    key = "k" * 32
    run("--config", file(tmp_path, f'api_key = "{key}"'))
    run(env={"DUOLOGUE_API_KEY": key})
    assert [each.api_key for each in settings] == [key, key]


def test_a_secret_is_no_flag(settings: list[Settings]) -> None:
    assert "No such option '--api-key'" in run("--api-key", "k" * 32).output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "Invalid value"),
        ("colour = 'red'", "there is no setting 'colour'"),
        ("port = 'high'", "'high' is not a valid integer"),
        ("port = true", "wrong type"),
        ("port = 70000", "70000 is not in the range 0<=x<=65535"),
        ("max_sessions = 0", "x>=1"),
        ("policy = 'closed'", "'closed' is not one of 'required', 'open'"),
        ("proxy_headers = 1", "wrong type"),
        ("[port]\nx = 1", "wrong type"),
        ("ping_interval = nan", "ping_interval"),
        ("port = 8000.5", "wrong type"),
        ("max_sessions = inf", "wrong type"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(
    settings: list[Settings], tmp_path: Path, text: str, said: str
) -> None:
    result = run("--config", file(tmp_path, text))
    assert (result.exit_code, said in result.output, settings) == (2, True, []), result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["--port", "x"],
        ["--port", "-1"],
        ["--policy", "closed"],
        ["--max-attachments", "0"],
        ["--config", "/nowhere/duologue.toml"],
        ["--cors-allowed-origins", "*,https://a.example"],
        ["--ssl-certfile", "cert.pem"],
        ["stray"],
    ],
)
def test_wrong_use_is_refused(settings: list[Settings], arguments: list[str]) -> None:
    assert (run(*arguments).exit_code, settings) == (2, [])


def start_fails(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and complaint of a server that does not start, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "duologue", "serve", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, **(env or {})},
        )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert start_fails("--port", str(port)) == (
            3,
            f"duologue: Cannot listen on 127.0.0.1 port {port}: Address already in use\n",
        )


def test_a_host_that_is_none_is_said_in_one_line() -> None:
    code, said = start_fails("--host", "no.such.host.invalid", "--port", "0")
    assert (code, said.count("\n")) == (3, 1)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_that_is_none_is_said_in_one_line(
    tmp_path: Path, content: str | None
) -> None:
    pem = tmp_path / "cert.pem"
    if content is not None:
        pem.write_text(content)
    code, said = start_fails("--port", "0", "--ssl-certfile", str(pem), "--ssl-keyfile", str(pem))
    assert (code, said.count("\n"), str(pem) in said) == (3, 1, True), said


def test_a_path_where_no_socket_can_be_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    code, said = start_fails("--uds", str(tmp_path / "file"))
    assert (code, said.count("\n"), (tmp_path / "file").read_text()) == (3, 1, "precious")


def test_a_socket_that_is_in_use_is_not_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert start_fails("--uds", path)[0] == 3


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("AUTH_SECERT", "AUTH_SECRET"), ("PROT", "PORT"), ("SECRET", None), ("SITE", None)],
)
def test_a_variable_that_is_nearly_a_settings_is_said(
    tmp_path: Path, variable: str, meant: str | None
) -> None:
    name = f"DUOLOGUE_{variable}"
    _, said = start_fails("--uds", str(tmp_path), "--store", "memory:", env={name: "hunter2"})
    warning = f"{name} is no setting; is DUOLOGUE_{meant} meant?"
    assert (warning in said, name in said, "hunter2" in said) == (bool(meant), bool(meant), False)


def test_the_address_is_printed(serve: Serve) -> None:
    server = serve()
    assert httpx.get(f"{server.url}/simple").status_code == 200


def test_help_names_every_setting_with_its_variable() -> None:
    said = " ".join(run("--help").output.split())
    command: Any = COMMANDS["serve"]
    assert all(
        option.opts[0] in said and str(option.envvar) in said
        for option in command.params
        if isinstance(option, click.Option) and option.name != "help"
    )


@pytest.mark.parametrize("command", [cli.main, *COMMANDS.values()], ids=lambda each: str(each.name))
def test_help_says_what_each_command_does_in_whole_sentences(command: click.Command) -> None:
    said = CliRunner().invoke(command, ["--help"]).output
    assert "..." not in said.replace("[ARGS]...", "")


def test_help_shows_no_default_that_is_empty() -> None:
    assert 'default: ""' not in " ".join(run("--help").output.split())


def test_the_version_can_be_asked_for() -> None:
    assert "0.1.0" in CliRunner().invoke(cli.main, ["--version"]).output


def test_an_api_key_comes_from_the_environment(settings: list[Settings]) -> None:
    run(env={"DUOLOGUE_API_KEY": f"{'k' * 32},{'l' * 32}"})
    assert api_keys(settings[0]) == ("k" * 32, "l" * 32)


def test_an_api_key_is_no_flag(settings: list[Settings]) -> None:
    result = run("--api-key", "k" * 32)
    assert (result.exit_code, settings) == (2, [])


def test_an_api_key_may_stand_in_the_file(settings: list[Settings], tmp_path: Path) -> None:
    run("--config", file(tmp_path, f"api_key = '{'k' * 32}'"))
    assert api_keys(settings[0]) == ("k" * 32,)


def test_an_api_key_that_is_empty_is_none(settings: list[Settings]) -> None:
    run(env={"DUOLOGUE_API_KEY": " "})
    assert api_keys(settings[0]) == ()


def test_an_api_key_that_is_too_short_is_not_shown(settings: list[Settings]) -> None:
    result = run(env={"DUOLOGUE_API_KEY": "not-long-enough"})
    assert (result.exit_code, settings) == (2, [])
    assert "api_key" in result.output
    assert "not-long-enough" not in result.output


def test_a_key_file_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    result = run("--api-key-file", str(tmp_path / "none"), "--store", "memory:")
    assert result.exit_code == cli.COULD_NOT_START
    assert "api_key_file" in result.output
