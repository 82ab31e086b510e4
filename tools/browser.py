"""Print the path of a Chromium for the browser tests; install one if there is none.

In this order: the one that ``DUOLOGUE_TEST_BROWSER`` names, one that is installed, Playwright's own
download, Debian's package. Exits with 1 and says how to get one when none can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)

_DOWNLOAD_SECONDS = 120
_PACKAGE_SECONDS = 600

HOW_TO = (
    "The browser tests need Chromium, and none could be found or installed. Install one, for "
    "example with 'apt-get install chromium-headless-shell' or 'playwright install chromium', or "
    "name one in DUOLOGUE_TEST_BROWSER."
)


def find() -> str | None:
    """A Chromium that is there already."""
    named = os.environ.get("DUOLOGUE_TEST_BROWSER")
    if named:
        return named if Path(named).is_file() else None
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return _playwrights()


def _playwrights() -> str | None:
    cache = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or str(Path.home() / ".cache/ms-playwright")
    for pattern in (
        "chromium*/*/headless_shell",
        "chromium*/*/*headless-shell*",
        "chromium*/*/chrome",
    ):
        for path in sorted(Path(cache).glob(pattern)):
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return None


def _run(seconds: float, *command: str) -> bool:
    try:
        done = subprocess.run(
            command,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return False
    return done.returncode == 0


def install() -> None:
    """Playwright's download if it can be reached, else Debian's package."""
    print("No Chromium found; installing one", file=sys.stderr)
    playwright = (sys.executable, "-m", "playwright", "install", "chromium-headless-shell")
    if _run(_DOWNLOAD_SECONDS, *playwright) and _playwrights():
        return
    if shutil.which("apt-get"):
        sudo = ("sudo", "-n") if os.geteuid() and shutil.which("sudo") else ()
        _run(_PACKAGE_SECONDS, *sudo, "apt-get", "update", "-q")
        package = ("apt-get", "install", "-y", "-q", "--no-install-recommends")
        _run(_PACKAGE_SECONDS, *sudo, *package, "chromium-headless-shell", "fonts-dejavu-core")


def main() -> int:
    if find() is None:
        install()
    path = find()
    if path is None:
        print(HOW_TO, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
