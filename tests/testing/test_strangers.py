"""The plugin in a project that has nothing but tests, under each plugin that runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from medianest_models.testing.servers import Server
from tests.testing.projects import run_pytest

# Each test sees only its own rows: in a database of its own, or in a transaction that is rolled back. The rows of a
# fixture are made on the test's own event loop.
TESTS: Final = """
import os
import pytest
{imports}
from medianest_models import User
from medianest_models.repositories import users
from medianest_models.testing import a_user

{header}

@{fixture}
async def ann(medianest_db):
    return await a_user(plex_id="ann")

@pytest.mark.parametrize("turn", range(3))
async def test_a_database_of_its_own(ann, medianest_db, turn):
    assert (await users.get(ann.id)).plex_id == "ann"
    assert await User.all().count() == 1
    assert os.environ["DATABASE_URL"] == medianest_db.render().get_secret_value()

@pytest.mark.medianest_rollback
@pytest.mark.parametrize("turn", range(3))
async def test_rolled_back(ann, turn):
    assert await User.all().count() == 1
"""
WITHOUT_A_LOOP: Final = """
import os

def test_without_a_loop(medianest_url):
    assert os.environ["DATABASE_URL"] == medianest_url.render().get_secret_value()
"""
_ANYIO: Final = """pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
_FUNCTION: Final = "asyncio_default_fixture_loop_scope = function"
WAYS: Final = {
    "strict": ("import pytest_asyncio", "pytestmark = pytest.mark.asyncio", "pytest_asyncio.fixture", _FUNCTION),
    "strict, a loop for the module": (
        "import pytest_asyncio",
        'pytestmark = pytest.mark.asyncio(loop_scope="module")',
        'pytest_asyncio.fixture(loop_scope="module")',
        _FUNCTION,
    ),
    "auto": ("", "", "pytest.fixture", f"asyncio_mode = auto\n{_FUNCTION}"),
    "auto, a loop for the session": (
        "",
        "",
        "pytest.fixture",
        "asyncio_mode = auto\nasyncio_default_test_loop_scope = session\nasyncio_default_fixture_loop_scope = session",
    ),
    "anyio": ("", _ANYIO, "pytest.fixture", _FUNCTION),
    "anyio without pytest-asyncio": ("", _ANYIO, "pytest.fixture", "addopts = -p no:asyncio"),
}
"""The imports, markers, decorators and options of a project, by the way in which its tests are run."""


@pytest.mark.parametrize("way", WAYS)
def test_a_stranger_s_tests(tmp_path: Path, medianest_server: Server, way: str) -> None:
    imports, header, fixture, options = WAYS[way]
    (tmp_path / "test_portal.py").write_text(TESTS.format(imports=imports, header=header, fixture=fixture))
    (tmp_path / "test_sync.py").write_text(WITHOUT_A_LOOP)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{options}\n")
    processes = "2" if "," not in way else "0"
    status, text = run_pytest(medianest_server, tmp_path, "-n", processes)
    assert status == 0, text
    assert " 7 passed in " in text
