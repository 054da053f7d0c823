"""What the documentation names exists, and its examples run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from medianest_models.settings import Settings
from tests.commands import subcommands
from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from medianest_models.settings import DatabaseUrl

PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
README = (CHECKOUT / "README.md").read_text()


COMMANDS = set(subcommands())


def recipes() -> set[str]:
    return set(re.findall(r"^([a-z-]+)[^:=\n]*:$", (CHECKOUT / "justfile").read_text(), re.MULTILINE))


EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_readmes_python_runs(fresh_url: DatabaseUrl) -> None:
    first, listing, _ = EXAMPLES
    ended = python(first)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "**********\n0\n"
    ended = python(
        f"import asyncio\nfrom medianest_models import database\n{listing}\n"
        "async def main():\n    async with database():\n        print(await list_users(1))\nasyncio.run(main())"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    page = json.loads(ended.stdout)
    assert page["pagination"] == {"page": 1, "limit": 20, "total": 1, "totalPages": 1}
    assert page["data"][0]["plex_username"] == "ann"
    assert "s3cret" not in ended.stdout


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_worker_in_the_readme_is_the_one_of_the_examples() -> None:
    assert EXAMPLES[2] in (CHECKOUT / "examples" / "worker.py").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_recipe_that_is_named_exists(page: Path) -> None:
    text = " ".join(page.read_text().split())
    for said in re.findall(r"medianest ((?:[a-z-]+ ?)+)", "\n".join(re.findall(r"`([^`]+)`", text))):
        words = tuple(said.split())
        assert any(words[:length] in COMMANDS for length in (1, 2)), f"medianest {said}"
    for recipe in re.findall(r"`(?:just|python3 dev\.py) ([a-z-]+)", text):
        assert recipe in recipes(), recipe


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_linked_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_shell_examples_of_the_readme_are_commands() -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
    recipes_run = [line.removeprefix("python3 dev.py ") for line in lines if line.startswith("python3 ")]
    assert recipes_run == ["setup", "test", "demo-data", "studio"]
    for line in lines:
        program, *words = line.split()
        if program == "medianest":
            assert tuple(words[:2]) in COMMANDS
        if program == "python":
            assert (CHECKOUT / words[0]).is_file()


def test_every_setting_is_documented_with_its_default() -> None:
    table = (CHECKOUT / "docs" / "operations.md").read_text()
    documented: dict[str, str] = {}
    for names, default in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]*) \|", table, re.MULTILINE):
        for name, value in zip(names.split(", "), default.split(", "), strict=True):
            documented[name.strip("`")] = value.strip("` ")
    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert documented[name.upper()] == shown(name, field.default)


def shown(name: str, default: Any) -> str:
    derived = {"database_direct_url": "DATABASE_URL", "medianest_home": ".medianest"}
    if name in derived:
        return derived[name]
    if default is None or default == ():
        return "none"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return f"{default:g}" if isinstance(default, float) else str(default).lower()
