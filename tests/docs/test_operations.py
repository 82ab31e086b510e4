"""What the documents tell an operator to type and to look for is there."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from duologue import cli, config
from duologue.metrics import Metrics
from duologue.settings import Settings, settings_from

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operations.md").read_text()
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
DEPLOYED = [path for path in ROOT.glob("deploy/**/*") if path.is_file()]

#: Variables that are no settings: of the commands, of the build, of compose and of the tests.
_OTHERS = {"CONFIG", "APP", "SERVER", "PURE", "SITE", "UPSTREAM", "TEST_POSTGRES"}

_COMMAND = re.compile(r"(?:^|[ `/])duologue ((?:serve|send|listen|db \w+)\b(?:\\\n|[^`\n|&;])*)")


def test_the_printed_settings_can_be_set() -> None:
    (printed,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    settings = settings_from(tomllib.loads(printed))
    assert settings.url == "https://chat.example.org"


@pytest.mark.parametrize("path", [*TEXTS, *DEPLOYED], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_that_is_named_is_one(path: Path) -> None:
    known = {field.name.upper() for field in dataclasses.fields(Settings)} | _OTHERS
    named = set(re.findall(r"\bDUOLOGUE_([A-Z_]+)\b(?!…)", path.read_text()))
    assert named - known == set()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_option_that_is_printed_is_one(path: Path) -> None:
    unknown = []
    for line in _COMMAND.findall(path.read_text()):
        words = line.replace("\\\n", " ").split("#")[0].split()
        command = cli.main.get_command(click.Context(cli.main), words[0])
        if isinstance(command, click.Group):
            command = command.commands[words[1]]
        assert command is not None
        known = {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        unknown += [word for word in words if word.startswith("--") and word not in known]
    assert [word for word in unknown if word not in ("--help", "--version")] == []


@pytest.mark.anyio
async def test_every_number_to_look_at_is_served(tmp_path: Path) -> None:
    service = config.build(Settings(store=f"sqlite:///{tmp_path}/duologue.db"))
    body, _ = await Metrics(service.node, service.engine).render()
    service.node.close()
    served = {family.name for family in text_string_to_metric_families(body.decode())}
    named = set(re.findall(r"\b(?:duologue|process)_\w+", GUIDE))
    assert {re.sub("_(total|bucket)$", "", name) for name in named} - served == set()


def test_a_backup_is_made_and_put_back_as_it_is_printed(tmp_path: Path) -> None:
    (section,) = re.findall(r"## Backup\n(.*?)\n## ", GUIDE, re.DOTALL)
    lines = "\n".join(re.findall(r"^    (.+)$", section, re.MULTILINE))
    store, backups = tmp_path / "store", tmp_path / "backups"
    script = lines.replace("/var/lib/duologue", str(store)).replace("/var/backups", str(backups))
    store.mkdir()
    backups.mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    made = f"duologue db upgrade --store sqlite:///{store}/duologue.db\n"
    done = subprocess.run(
        ["sh", "-eux"],
        input=f"{made}{script}\nduologue db check --store sqlite:///{store}/duologue.db\n",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
