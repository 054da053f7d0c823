"""`python3 dev.py test PATH` installs the packages for that path, and reports a missing path clearly."""

from __future__ import annotations

import ast
import os
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands import python
from tests.conftest import CHECKOUT

DEV: Final[dict[str, Any]] = runpy.run_path(str(CHECKOUT / "dev.py"))
EXTRAS: Final = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
NEEDS_MORE: Final = {
    "benchmarks",
    "fastapi",
    "httpx",
    "medianest_models.studio",
    "medianest_models.web",
    "playwright",
    "starlette",
    "uvicorn",
}
"""Imports of tests that the extra `test` does not install, or that import such a package."""


@pytest.mark.parametrize("path", ["tests/unit/test_crypto.py", "tests/nowhere", "cli/test_output.py", "/nowhere.py::x"])
def test_a_path_that_does_not_exist_is_named_before_anything_is_installed(path: str) -> None:
    ended = python("dev.py", "test", "-x", path)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert re.fullmatch(rf"dev\.py: there is no .*{path.partition('::')[0]}\n", ended.stderr)


@pytest.mark.parametrize("workers", ["0", "2", "auto"])
def test_pytest_names_it_too(workers: str) -> None:
    ended = python("-m", "pytest", "-n", workers, "tests/unit", "tests/unit/test_crypto.py")
    assert ended.returncode == 4
    assert ended.stderr.splitlines()[0] == f"ERROR: there is no {CHECKOUT / 'tests/unit/test_crypto.py'}"


def test_a_test_that_is_not_in_its_file_is_named() -> None:
    ended = python("-m", "pytest", "-n", "auto", "tests/unit/test_errors.py::test_nothing")
    assert ended.returncode == 4
    assert "not found" in ended.stderr


def test_the_options_of_pytest_s_variable_are_not_those_of_a_pytest_that_a_test_starts() -> None:
    name = f"{__file__}::{test_this_pytest_passes_no_options_on.__name__}"
    ended = python("-m", "pytest", "-n", "1", name, PYTEST_ADDOPTS="--quiet")
    assert ended.returncode == 0, ended.stdout


def test_this_pytest_passes_no_options_on() -> None:
    assert "PYTEST_ADDOPTS" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("test", "dev"),
        ("test -x", "dev"),
        ("test tests", "dev"),
        ("test tests/unit/test_errors.py", "test"),
        ("test tests/repositories -x -k users", "test"),
        ("test tests/unit tests/studio", "dev"),
        ("test tests/leaks/test_leaks.py::test_x", "dev"),
        ("test tests/repositories --server=testcontainers", "dev"),
        ("lint", "dev"),
        ("setup", "local"),
    ],
)
def test_the_extra(arguments: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIANEST_TEST_SERVER", raising=False)
    words = arguments.split()
    assert DEV["extra_for"](words, DEV["test_paths"](words[1:])) == extra


def test_where_all_tools_are_installed_nothing_more_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = DEV["install"]
    monkeypatch.setitem(install.__globals__, "subprocess", None)  # any use of it fails
    with pytest.raises(AttributeError):
        install(tmp_path, "test")
    (tmp_path / ".medianest-dev").write_text(DEV["digest"]())
    assert install(tmp_path, "test") == 0


def imports(text: str) -> set[str]:
    """Return the modules that a file imports at its import, with their parents."""
    found = set()
    for node in ast.parse(text).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            parts = name.split(".")
            found |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return found


def test_the_tests_that_need_more_are_known() -> None:
    needing = {file for file in (CHECKOUT / "tests").rglob("*.py") if imports(file.read_text()) & NEEDS_MORE}
    folders = {file.parent for file in needing}
    assert folders == set(DEV["NEED_MORE"])


def test_the_light_extra_is_part_of_the_whole() -> None:
    assert any(re.fullmatch(r"medianest-models\[.*\btest\b.*\]", line) for line in EXTRAS["dev"])
    assert not any(re.match("ruff|mypy|pyright|playwright|testcontainers", line) for line in EXTRAS["test"])
