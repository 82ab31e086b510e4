"""The image is made of what is in the repository, and of nothing that lies beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_git_ignores_is_not_sent_to_docker() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    # Docker begins at the top with every pattern, Git only with those that begin with a slash
    expected = {
        each.strip("/") if each.startswith("/") else f"**/{each.rstrip('/')}" for each in ignored
    }
    named = (ROOT / "deploy" / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert expected - set(named) == set()
