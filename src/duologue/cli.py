"""The ``duologue`` command. Exit codes: 0, 1 failure, 2 usage, 3 could not start."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import logging
import math
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from . import config, logs, serving
from .auth_options import CannotUseKeys
from .hosts import applications
from .hosts.applications import CannotLoad
from .server import serve
from .server.pages import PagesMissing
from .settings import (
    ENVIRONMENT_PREFIX,
    Settings,
    SettingsError,
    settings_from,
    sqlite_path,
    value_type,
    words,
)
from .stores import files
from .stores.base import CannotOpen

_logger: Final = logging.getLogger("duologue")

#: How alike two names are, between 0 and 1, of which one may be meant for the other.
_NEAR: Final = 0.75

FAILURE: Final = 1
COULD_NOT_START: Final = 3

_CANNOT_START: Final = (
    serve.CannotStart,
    CannotLoad,
    CannotOpen,
    CannotUseKeys,
    PagesMissing,
    SettingsError,
)

_EPILOG: Final = (
    "Every option can be set as an environment variable too, named in brackets, and as a key of "
    "the TOML file. An option beats the environment, the environment the file. Secrets are no "
    f"options: {ENVIRONMENT_PREFIX}API_KEY, or --api-key-file; {ENVIRONMENT_PREFIX}AUTH_SECRET, or "
    "--auth-secret-file."
)


class _Commands(click.Group):
    """Loads the commands for scripts, and the client that they need, when they are asked for."""

    _FOR_SCRIPTS: Final = ("listen", "send")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted((*super().list_commands(ctx), *self._FOR_SCRIPTS))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._FOR_SCRIPTS:
            return super().get_command(ctx, cmd_name)
        from . import scripting

        return {"listen": scripting.listen_command, "send": scripting.send_command}[cmd_name]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="duologue")
def main() -> None:
    """Private conversations between two connected clients."""


class _List(click.ParamType[Any]):
    """Words with commas between, or a list in the settings file."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return words(value)


class _Option(click.Option):
    """To click a variable that is empty is none. One about tokens must be refused instead, which is
    for the settings to do."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        found = super().value_from_envvar(ctx)
        if found is None and str(self.name).startswith("auth_"):
            return os.environ.get(str(self.envvar))
        return found


def _shown(default: Any) -> str | bool:
    """How a default stands in the help text, if there is one to show."""
    if isinstance(default, tuple):
        return ",".join(default) or False
    return default not in (None, "")


def _option(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    kind, choices = value_type(field)
    flag = "--" + field.name.replace("_", "-")
    if kind is bool:
        flag += "/--no-" + field.name.replace("_", "-")
    unit = field.metadata["unit"]
    least, most = field.metadata["least"], field.metadata["most"]
    most = None if most == math.inf else most
    shown: Any = kind
    if choices:
        shown = click.Choice(choices)
    elif kind is tuple:
        shown = _List()
    elif kind is int and least is not None:
        shown = click.IntRange(least, most)
    elif kind is float and least is not None:
        shown = click.FloatRange(least, most)
    return click.option(
        flag,
        field.name,
        cls=_Option,
        type=shown,
        default=field.default,
        show_default=_shown(field.default),
        envvar=ENVIRONMENT_PREFIX + field.name.upper(),
        show_envvar=True,
        metavar=unit.upper() if unit else None,
        help=field.metadata["help"] + ".",
    )


def _read_file(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make the file's settings the defaults of those that nothing else sets."""
    if path is None:
        return
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path}: {error}") from error
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise click.BadParameter(f"{path}: there is no setting {unknown[0]!r}")
    for name, value in values.items():
        kind = value_type(fields[name])[0]
        # Part of a number would be left out where a whole one is wanted
        part = isinstance(value, float) and kind is int
        if part or isinstance(value, dict) or isinstance(value, bool) != (kind is bool):
            raise click.BadParameter(f"{path}: {name} is of the wrong type")
    context.default_map = {**(context.default_map or {}), **values}


def _all_settings(command: Callable[..., None]) -> Callable[..., None]:
    for field in reversed(dataclasses.fields(Settings)):
        if not field.metadata["secret"]:
            command = _option(field)(command)
    return command


def _misspelt() -> list[tuple[str, str]]:
    """Variables that are nearly a setting's, each with that one's: who misspells the secret for
    tokens would let everybody in. Others may be somebody else's."""
    known = {field.name.upper() for field in dataclasses.fields(Settings)} | {"CONFIG", "APP"}
    found = []
    for variable in sorted(os.environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name != variable and name not in known:
            near = difflib.get_close_matches(name, known, 1, _NEAR)
            found += [(variable, ENVIRONMENT_PREFIX + meant) for meant in near]
    return found


def _secrets() -> dict[str, str]:
    """The settings that are no options, from the environment or else the file."""
    in_file = click.get_current_context().default_map or {}
    found: dict[str, str] = {}
    for field in dataclasses.fields(Settings):
        if field.metadata["secret"]:
            value = os.environ.get(ENVIRONMENT_PREFIX + field.name.upper(), in_file.get(field.name))
            if not (value is None or isinstance(value, str)):
                raise click.UsageError(f"{field.name} is of the wrong type")
            if value is not None:
                found[field.name] = value
    return found


@main.command("serve", epilog=_EPILOG)
@_all_settings
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_file,
    is_eager=True,
    expose_value=False,
    envvar=ENVIRONMENT_PREFIX + "CONFIG",
    show_envvar=True,
    metavar="FILE.toml",
    help="File with settings.",
)
@click.option(
    "--app",
    "application",
    metavar="MODULE:NAME",
    envvar=ENVIRONMENT_PREFIX + "APP",
    show_envvar=True,
    help="An ASGI or WSGI application that is to have all other requests.",
)
def serve_command(application: str | None, **values: Any) -> None:
    """Run the server with its page."""
    try:
        settings = settings_from({**values, **_secrets()})
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    logs.configure(settings.log_level, settings.log_format, access=settings.access_log)
    for variable, meant in _misspelt():
        _logger.warning("%s is no setting; is %s meant?", variable, meant)
    try:
        _serve(settings, application)
    except _CANNOT_START as error:
        click.echo(f"duologue: {error}", err=True)
        sys.exit(COULD_NOT_START)


@main.group("db")
def db_group() -> None:
    """Look after a store's file."""


def _file_command(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--store",
        default=Settings.store,
        show_default=True,
        envvar=ENVIRONMENT_PREFIX + "STORE",
        show_envvar=True,
        help="The store, as 'serve' has it.",
    )(command)


@db_group.command("upgrade")
@_file_command
def db_upgrade(store: str) -> None:
    """Bring the file to this version's schema, or make it. The server must not run."""
    with _file_failures():
        version = files.upgrade_file(_path(store))
        click.echo(f"{_path(store)} has schema version {version}")


@db_group.command("check")
@_file_command
def db_check(store: str) -> None:
    """Look for damage; exit code 1 if there is any. May run beside the server."""
    with _file_failures():
        problems = files.check_file(_path(store))
        for problem in problems:
            click.echo(problem, err=True)
        if problems:
            sys.exit(FAILURE)
        click.echo(f"{_path(store)} is well")


@db_group.command("backup")
@_file_command
@click.argument("target", type=click.Path(dir_okay=False))
def db_backup(store: str, target: str) -> None:
    """Copy the file to TARGET as it stands at one moment. May run beside the server."""
    with _file_failures():
        files.backup_file(_path(store), target)
        click.echo(f"{_path(store)} has been copied to {target}")


def _path(store: str) -> str:
    path = sqlite_path(store)
    if not path:
        raise click.UsageError("this is for stores in a file: --store sqlite:///PATH")
    return path


@contextlib.contextmanager
def _file_failures() -> Iterator[None]:
    try:
        yield
    except CannotOpen as error:
        click.echo(f"duologue: {error}", err=True)
        sys.exit(FAILURE)


def _serve(settings: Settings, app: str | None) -> None:
    other = None if app is None else applications.load(app)
    service = config.build(settings, app=other)

    def announce(address: str) -> None:
        click.echo(f"Duologue is running at {address} (Ctrl+C stops it)")

    serving.run(settings, service, announce=announce, app=other)


if __name__ == "__main__":
    main()
