"""The effect of the plugin's fixtures on the environment of a test, and their errors where they can't work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from medianest_models.testing.servers import Server
from tests.cli.test_imports import HEAVY, loaded
from tests.testing.projects import run_pytest

ENVIRONMENT: Final = """
import os
from medianest_models import load_settings

def test_with_a_database(medianest_url):
    settings = load_settings()
    assert settings.direct_url() == settings.url() == medianest_url
    assert settings.database_replica_url is None
    assert settings.medianest_env == "test"
    assert len(settings.encryption_keys) == 1

def test_without_one():
    assert {os.environ.get("DATABASE_URL"), os.environ.get("database_url")} == {"postgresql://ann@127.0.0.1:1/portal"}
    assert "MEDIANEST_ENV" not in os.environ
"""
OF_A_DEVELOPER: Final = {
    "DATABASE_URL": "postgresql://ann@127.0.0.1:1/portal",
    "DATABASE_DIRECT_URL": "postgresql://ann@127.0.0.1:1/portal",
    "DATABASE_REPLICA_URL": "postgresql://ann@127.0.0.1:1/portal",
    "DATABASE_PGBOUNCER": "true",
    "database_url": "postgresql://ann@127.0.0.1:1/portal",
    "database_replica_url": "postgresql://ann@127.0.0.1:1/portal",
    "medianest_env": "production",
}
OVERRIDDEN: Final = """
import os
import pytest
from dataclasses import replace

@pytest.fixture
def medianest_url(medianest_url, monkeypatch):
    url = replace(medianest_url, application_name="portal")
    monkeypatch.setenv("DATABASE_URL", url.render().get_secret_value())
    return url

@pytest.mark.asyncio
async def test_the_project_s_own(medianest_db):
    assert medianest_db.application_name == "portal"
    from medianest_models.db.connection import connected_url
    assert connected_url() == medianest_db
"""


def test_it_is_light() -> None:
    modules = loaded("import sys, medianest_models.pytest_plugin; print(*sys.modules)")
    assert not HEAVY & modules
    assert not any(name.startswith(("medianest_models.testing", "medianest_models.db")) for name in modules)


def test_no_variable_leads_to_the_developer_s_database(tmp_path: Path, medianest_server: Server) -> None:
    (tmp_path / "test_environment.py").write_text(ENVIRONMENT)
    status, text = run_pytest(medianest_server, tmp_path, "-p", "no:randomly", **OF_A_DEVELOPER)
    assert (status, " 2 passed" in text) == (0, True), text


def test_a_fixture_of_the_project_replaces_it(tmp_path: Path, medianest_server: Server) -> None:
    (tmp_path / "test_own.py").write_text(OVERRIDDEN)
    status, text = run_pytest(medianest_server, tmp_path)
    assert (status, " 1 passed" in text) == (0, True), text


@pytest.mark.parametrize(
    ("fixture", "options", "said"),
    [
        ('@pytest.fixture\ndef anyio_backend():\n    return "trio"', [], "needs anyio's backend asyncio, and not trio"),
        ("", ["-p", "no:asyncio", "-p", "no:anyio"], "needs the marker anyio, or the package pytest-asyncio"),
    ],
)
def test_no_event_loop_of_ours(
    tmp_path: Path, medianest_server: Server, fixture: str, options: list[str], said: str
) -> None:
    marker = "@pytest.mark.anyio\nasync " if fixture else ""
    (tmp_path / "test_loop.py").write_text(
        f"import pytest\n\n{fixture}\n\n{marker}def test_it(medianest_db):\n    pass\n"
    )
    status, text = run_pytest(medianest_server, tmp_path, *options)
    assert (status, f"medianest_db: {said}" in text) == (1, True), text


@pytest.mark.parametrize("server", ["ann:hunter2@127.0.0.1:1/postgres", "127.0.0.1:1/postgres?password=hunter2"])
def test_the_header_names_the_server_and_no_password(tmp_path: Path, medianest_server: Server, server: str) -> None:
    (tmp_path / "test_no_server.py").write_text("def test_it(medianest_url):\n    pass\n")
    status, text = run_pytest(medianest_server, tmp_path, f"--medianest-server=postgresql://{server}")
    assert (status, bool(re.search("medianest: server .*127.0.0.1:1/postgres\n", text))) == (1, True), text
    assert "hunter2" not in text


def test_the_variable_chooses_the_server(tmp_path: Path, medianest_server: Server) -> None:
    status, text = run_pytest(medianest_server, tmp_path, "--collect-only", MEDIANEST_TEST_SERVER="/usr/lib/nowhere")
    assert "medianest: server /usr/lib/nowhere" in text, (status, text)
