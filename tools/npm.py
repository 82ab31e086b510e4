"""Run npm in a folder, with the Node.js that a Python wheel brings.

python tools/npm.py FOLDER ARGUMENT…; with the single argument ``install`` what the folder's lock
file names is installed, unless it is there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import hatch_build


def main(folder: Path, *arguments: str) -> int:
    if arguments == ("install",):
        hatch_build.install(folder, tools=True)
        return 0
    command, environment = hatch_build.npm_command("--silent", *arguments)
    return subprocess.call(command, cwd=folder, env=environment)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
