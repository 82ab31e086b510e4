"""Other people's applications, found by name and made into ASGI."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class CannotLoad(Exception):
    """There is no application of this name; the text says why, in one line."""


def load(name: str) -> Callable[..., Any]:
    """The ASGI or WSGI application ``module:name``, as ASGI. Raises `CannotLoad`.

    Modules are found in the working folder, too.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise CannotLoad(f"{name!r} is not of the form module:name")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if module.startswith("."):
        raise CannotLoad(f"{module!r} is no module by its full name")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise CannotLoad(f"There is no module {error.name!r}") from error
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise CannotLoad(f"There is no {attribute!r} in module {module!r}") from error
    if not callable(found):
        raise CannotLoad(f"{name} is not an application, but {type(found).__name__}")
    return as_asgi(found)


def as_asgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """An application that is called with scope, receive and send. Raises `CannotLoad`."""
    call = app if inspect.isroutine(app) or isinstance(app, type) else type(app).__call__
    if inspect.iscoroutinefunction(inspect.unwrap(call)):
        return app
    # What only hands on to another one is not always a coroutine function
    arguments = next((number for number in (2, 3) if _takes(app, number)), None)
    if arguments is None:
        raise CannotLoad(
            f"{app!r} is not called as an application: neither with scope, receive and send nor "
            "with environ and start_response"
        )
    return app if arguments == 3 else from_wsgi(app)


def _takes(app: Callable[..., Any], arguments: int) -> bool:
    try:
        signature = inspect.signature(app)
    except ValueError:  # of what is written in C
        return True
    try:
        signature.bind(*range(arguments))
    except TypeError:
        return False
    return True


def from_wsgi(app: Callable[..., Any], threads: int = 10) -> Callable[..., Any]:
    """A WSGI application on up to `threads` threads. Raises `CannotLoad`."""
    try:
        from a2wsgi import WSGIMiddleware
    except ImportError as error:
        raise CannotLoad(
            "For a WSGI application install duologue[flask], which brings a2wsgi"
        ) from error
    inner: Callable[..., Any] = WSGIMiddleware(app, workers=threads)

    # WSGI cannot tell X_User from the X-User that a proxy takes out of what strangers send
    async def outer(scope: Any, receive: Any, send: Any) -> None:
        if "headers" in scope:
            headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
            scope = {**scope, "headers": headers}
        await inner(scope, receive, send)

    return outer
