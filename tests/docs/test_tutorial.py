"""The tutorial works as written, from an empty folder: its files are saved, its commands run, its output compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from medianest_models.embedded import EmbeddedServer
from tests.conftest import CHECKOUT

TUTORIAL: Final = (CHECKOUT / "docs" / "tutorial.md").read_text()
STEP: Final = re.compile(r"(?:`(?P<file>\w+\.py)`:\n\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.DOTALL)


def shell(command: str, folder: Path, home: Path, bindir: Path | None) -> str:
    """Run commands in bash, as in a terminal in the folder, and return what they print."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "MEDIANEST_"))
    }
    environment |= {
        "MEDIANEST_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment |= {"PG_BINDIR": str(bindir)} if bindir else {}
    environment["PYTEST_ADDOPTS"] = "-p no:asyncio"  # which the reader does not have, and which warns
    if not entry_points(group="pytest11", name="medianest"):  # an environment that was made before there was a plugin
        environment["PYTEST_PLUGINS"] = "medianest_models.pytest_plugin"
    ended = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    return ended.stdout


def test_every_step_does_what_the_page_says(
    new_server: Callable[..., EmbeddedServer], bindir: Path | None, tmp_path: Path
) -> None:
    home = new_server().home
    folder = tmp_path / "portal"
    folder.mkdir()
    printed, compared = "", 0
    for step in STEP.finditer(TUTORIAL):
        text = step["text"]
        match step["kind"]:
            case "python":
                (folder / step["file"]).write_text(text)
            case "sh" if "pip install" not in text:
                printed = shell(text, folder, home, bindir)
            case "text":
                assert printed == text
                compared += 1
    assert compared > 2


def test_every_extra_of_the_tutorial_exists() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r'pip install\s+"[^\[\"]*\[([\w,]+)\]"', TUTORIAL)
    assert named
    assert {extra for names in named for extra in names.split(",")} <= extras.keys()
