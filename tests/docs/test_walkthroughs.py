"""CONTRIBUTING's steps work as written, and a test names each omitted step."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.conftest import CHECKOUT

CONTRIBUTING: Final = (CHECKOUT / "CONTRIBUTING.md").read_text()
COPIED: Final = ("*.py", "*.md", "pyproject.toml", "medianest_models", "migrations", "tests", "docs")
CONCERNED: Final = [
    *(f"tests/migrations/test_{name}.py" for name in ("places", "models", "schema")),
    *("tests/schemas/test_declarations.py", "tests/models/test_from_row.py"),
]
PLACES: Final = "tests/migrations/test_places.py"
LISTS: Final = "tests/repositories/test_lists.py"
FACTORIES: Final = "tests/testing/test_factories.py"


def section(title: str) -> str:
    """Return the text below a heading."""
    return CONTRIBUTING.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


class Copy:
    """A copy of the repository, in which commands run as in a checkout."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.environment = os.environ | {"PYTHONPATH": str(folder), "DATABASE_URL": url}
        for path in [path for pattern in COPIED for path in CHECKOUT.glob(pattern)]:
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, folder)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def follow(self, text: str) -> list[str]:
        """Follow the steps of a section in order, and return the changed files."""
        changed = []
        for kind, block in re.findall(r"```(diff|sh)\n(.*?)```", text, re.DOTALL):
            changed += [self.change(block)] if kind == "diff" else self.call(block)
        return list(dict.fromkeys(changed))

    def change(self, block: str) -> str:
        """Apply a diff block to a file, or create the file from it."""
        first, _, body = block.partition("\n")
        name = first.removeprefix("--- ")
        path = next(self.folder.glob(name), self.folder / name)
        text = path.read_text() if path.exists() else ""
        for hunk in body.rstrip("\n").split("\n@@\n"):
            lines = hunk.split("\n")
            old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
            new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
            assert old or not text, f"{name} exists"
            assert not old or text.count(old) == 1, f"this stands in {name} {text.count(old)} times:\n{old}"
            text = text.replace(old, new) if old else new
        path.write_text(text)
        return str(path.relative_to(self.folder))

    def call(self, block: str) -> list[str]:
        """Run this project's commands, and return the migrations that they made."""
        before = self.migrations()
        for line in block.splitlines():
            program, *words = line.split()
            module = {"medianest": "from medianest_models.cli import main; main()", "aerich": ""}[program]
            ended = self.run(*(["-c", module, *words] if module else ["-m", program, *words]))
            assert ended.returncode == 0, ended.stdout + ended.stderr
        return sorted(self.migrations() - before)

    def migrations(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("migrations/models/*.py")}

    def tests(self, server: Server, *paths: str) -> subprocess.CompletedProcess[str]:
        where = server.url.render().get_secret_value()
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--medianest-server={where}", *paths)


@pytest.fixture
def copy(empty_url: DatabaseUrl, tmp_path: Path) -> Copy:
    return Copy(tmp_path, empty_url.render().get_secret_value())


def test_adding_a_column_takes_few_files_and_each_that_is_forgotten_is_named(
    copy: Copy, medianest_server: Server
) -> None:
    changed = copy.follow(section("Add a column"))
    assert len(changed) == 6
    complete = copy.tests(medianest_server, *CONCERNED)
    assert complete.returncode == 0, complete.stdout[-3000:]
    for name in changed:
        step, original = copy.folder / name, CHECKOUT / name
        done = step.read_text()
        if original.exists():
            shutil.copy(original, step)
        else:
            step.unlink()
        forgotten = copy.tests(medianest_server, PLACES)
        assert forgotten.returncode == 1, f"nothing tells of {name}"
        named = name if original.exists() else str(Path(name).parent)
        assert re.search(rf"{named}.*: ", forgotten.stdout), f"{name} is not named:\n{forgotten.stdout[-3000:]}"
        step.write_text(done)


def test_adding_a_table(copy: Copy, medianest_server: Server) -> None:
    copy.follow(section("Add a table"))
    complete = copy.tests(
        medianest_server, *CONCERNED, "tests/migrations/test_rules.py::test_every_file_keeps_to_them", LISTS, FACTORIES
    )
    assert complete.returncode == 0, complete.stdout[-3000:]
