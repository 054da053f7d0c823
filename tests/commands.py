"""Programs, run as a user runs them: Python, the command `medianest` and the tree of its subcommands, the site."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import asyncclick as click

from medianest_models.cli.application import application, load_command

PROGRAM: Final = Path(sys.executable).parent / "medianest"
_CHECKOUT: Final = Path(__file__).parents[1]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout, in a process of its own; an empty variable is not set."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=_CHECKOUT,
        env={name: value for name, value in (os.environ | environment).items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def medianest(*arguments: str, text: str = "", **environment: str) -> tuple[int, str, str]:
    """Run it and return the exit status, the output and the errors; an empty variable is not set."""
    ended = subprocess.run(
        [str(PROGRAM), *arguments],
        env={name: value for name, value in (os.environ | environment).items() if value},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


def document(*arguments: str, **environment: str) -> Any:
    """Run a command that succeeds with `--json`, and return its document."""
    status, output, errors = medianest(*arguments, "--json", **environment)
    assert (status, errors) == (0, "")
    return json.loads(output)


def build_site(folder: Path) -> Path:
    """Build the site of the docs as `just site` does, without a warning, but in another folder; return its root."""
    (recipe,) = re.findall(r"^site:\n    @.* && python (.*)$", (_CHECKOUT / "justfile").read_text(), re.MULTILINE)
    ended = python(*(word.replace("build/", f"{folder}/") for word in shlex.split(recipe)))
    assert (ended.returncode, ended.stderr) == (0, "")
    return folder / "site"


def subcommands(group: click.Group = application, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Return every command and group below a group, by its words."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name, stub in group.commands.items():
        command = found[*path, name] = stub if path else load_command(stub)
        if isinstance(command, click.Group):
            found |= subcommands(command, (*path, name))
    return found
