"""A release is checked before anything is built, and GitHub's files fit the rest of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from medianest_models import __version__
from tests.conftest import CHECKOUT

FILES: Final = (".ci/release.py", "medianest_models/_version.py", "CHANGELOG.md", "pyproject.toml")
WORKFLOWS: Final = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
PROJECT: Final[dict[str, Any]] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
SECTIONS: Final = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """Copy what a release is checked by, and make it ready for version 1.2.3."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    replace(tmp_path / FILES[1], __version__, "1.2.3")
    replace(tmp_path / FILES[2], "## [Unreleased]\n", "## [Unreleased]\n\n## [1.2.3] - 2027-01-31\n")
    replace(tmp_path / FILES[3], "https://repository.invalid/", "https://example.org/")
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def problems(root: Path, tag: str = "v1.2.3") -> list[str]:
    ended = subprocess.run(
        [sys.executable, root / FILES[0], tag], capture_output=True, text=True, check=False, timeout=60
    )
    said = ended.stderr.splitlines()
    assert ended.returncode == bool(said)
    return said


def test_a_release_that_is_ready(ready: Path) -> None:
    assert problems(ready) == []


def test_a_tag_of_another_version(ready: Path) -> None:
    assert problems(ready, "v1.2.4") == ["medianest_models/_version.py: the version is 1.2.3, and the tag v1.2.4"]


@pytest.mark.parametrize("heading", ["## [1.2.2] - 2027-01-31", "## [1.2.3]", "## 1.2.3 - 2027-01-31"])
def test_a_changelog_without_its_section(ready: Path, heading: str) -> None:
    replace(ready / "CHANGELOG.md", "## [1.2.3] - 2027-01-31", heading)
    (problem,) = problems(ready)
    assert problem.startswith("CHANGELOG.md: the section after [Unreleased]")


def test_a_changelog_with_more_that_is_unreleased(ready: Path) -> None:
    replace(ready / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- More.\n")
    assert problems(ready) == ["CHANGELOG.md: [Unreleased] is not empty"]


def test_an_address_that_is_still_to_be_set(ready: Path) -> None:
    replace(ready / "pyproject.toml", "https://example.org/", "https://repository.invalid/")
    assert problems(ready) == ["pyproject.toml: the repository's address is still to be set"]


def test_the_changelog_has_the_sections_of_its_form() -> None:
    versions = re.split(r"^## ", (CHECKOUT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions:
        names = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert names == [name for name in SECTIONS if name in names]


def test_only_one_file_has_the_version() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "medianest_models/_version.py"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    uses = re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)
    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_the_wheel_is_tried_with_every_python_it_is_for() -> None:
    classifiers = "\n".join(PROJECT["project"]["classifiers"])
    pythons = re.findall(r"Python :: (3\.\d+)$", classifiers, re.MULTILINE)
    (matrix,) = re.findall(r"python: \[(.*)\]", (CHECKOUT / ".github/workflows/release.yml").read_text())
    assert re.findall(r'"(.*?)"', matrix) == pythons


def test_before_a_commit_ruff_has_the_version_of_lint() -> None:
    (pinned,) = re.findall(r'"(ruff[^"]*)"', (CHECKOUT / ".pre-commit-config.yaml").read_text())
    assert pinned in PROJECT["project"]["optional-dependencies"]["dev"]
