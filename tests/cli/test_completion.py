"""Tab completes commands and options, also those of commands that are imported only when they are called."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.commands import PROGRAM, subcommands
from tests.conftest import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
SHELLS = ["bash", "zsh", "fish"]


def offered(*words: str, shell: str = "bash") -> list[str]:
    """Return the completions of the last word, by the protocol between a shell's script and the command."""
    environment = {
        "_MEDIANEST_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(("medianest", *words)),
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
    }
    ended = subprocess.run(
        [PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    if shell == "zsh":  # a line each: type, value, help
        return ended.stdout.splitlines()[1::3]
    return [line.partition(",")[2].partition("\t")[0] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_subcommand_is_offered(shell: str) -> None:
    tree = subcommands()
    groups = {path[:-1] for path in tree}
    assert ("db",) in groups
    for group in groups:
        assert offered(*group, "", shell=shell) == sorted(path[-1] for path in tree if path[:-1] == group)


def test_the_options_of_a_command_are_offered() -> None:
    assert offered("db", "migrate", "--") == ["--dry-run", "--json", "--help"]
    assert offered("--v") == ["--version"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_line_of_the_readme_prints_a_script(shell: str) -> None:
    (line,) = re.findall(rf"^.*_MEDIANEST_COMPLETE={shell}_source.*$", README, re.MULTILINE)
    assert "medianest" in line
    script = subprocess.run(
        [PROGRAM],
        env=os.environ | {"_MEDIANEST_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert f"_MEDIANEST_COMPLETE={shell}_complete" in script


def test_bash_completes_with_that_line() -> None:
    (line,) = re.findall(r"^eval .*bash_source.*$", README, re.MULTILINE)
    tab = f"{line}\nCOMP_WORDS=(medianest db mi); COMP_CWORD=2; _medianest_completion medianest; echo ${{COMPREPLY[@]}}"
    environment = os.environ | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", "-c", tab], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "migrate\n", "")
