"""The examples of the page on testing run as it says, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from medianest_models import pytest_plugin
from medianest_models.testing.servers import Server
from tests.conftest import CHECKOUT
from tests.testing.projects import run_pytest

PAGE: Final = (CHECKOUT / "docs" / "testing.md").read_text()
FILES: Final = dict(re.findall(r"```(?:python|ini)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project of the examples."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_example_is_a_file_of_the_project() -> None:
    assert len(FILES) == len(re.findall("```(python|ini)", PAGE))


def test_the_examples(project: Path, medianest_server: Server) -> None:
    status, text = run_pytest(medianest_server, project, "-n", "2", "--ignore=test_anyio.py")
    assert status == 0, text
    passed = re.search(r"(\d+) passed", text)
    assert passed is not None
    assert int(passed[1]) == sum(code.count("def test_") for name, code in FILES.items() if name != "test_anyio.py")


def test_the_example_for_anyio(project: Path, medianest_server: Server) -> None:
    status, text = run_pytest(medianest_server, project, "--asyncio-mode=strict", "test_anyio.py")
    assert status == 0, text
    assert " 1 passed" in text


def test_the_fixtures_exist() -> None:
    names = set(re.findall(r"`(medianest_\w+)`", PAGE)) - {"medianest_rollback"}
    assert names
    assert [name for name in names if not hasattr(pytest_plugin, name)] == []
