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
    call = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(inspect.unwrap(call)):
        return app
    return from_wsgi(app)


def from_wsgi(app: Callable[..., Any], threads: int = 10) -> Callable[..., Any]:
    """A WSGI application on up to `threads` threads. Raises `CannotLoad`."""
    try:
        from a2wsgi import WSGIMiddleware
    except ImportError as error:
        raise CannotLoad(
            "For a WSGI application install duologue[flask], which brings a2wsgi"
        ) from error
    return WSGIMiddleware(app, workers=threads)
