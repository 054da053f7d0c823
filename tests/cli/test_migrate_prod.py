"""`just migrate-prod`: the settings are those of .env.production, and nothing is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from medianest_models.db.requirements import migration_status, migration_versions
from tests.commands import PROGRAM
from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from medianest_models.settings import DatabaseUrl


def migrate_prod(folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = [
        str(PROGRAM.parent / "just"),
        "--justfile",
        str(CHECKOUT / "justfile"),
        "--working-directory",
        str(folder),
        "migrate-prod",
    ]
    return subprocess.run(
        arguments,
        env=os.environ | {"VIRTUAL_ENV": sys.prefix},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """Return what it printed of its own; the last line is just's."""
    assert "Traceback" not in ended.stderr
    return ended.stdout + "\n".join(ended.stderr.splitlines()[:-1])


def test_without_the_file_it_fails(tmp_path: Path) -> None:
    ended = migrate_prod(tmp_path)
    assert ended.returncode != 0
    assert "'.env.production' does not exist" in said(ended)


def test_without_a_database_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    (tmp_path / ".env.production").write_text("LOG_LEVEL=info\n")
    ended = migrate_prod(tmp_path)
    assert ended.returncode != 0
    assert said(ended).startswith("Error: DATABASE_URL: must be set when MEDIANEST_ENV=production")


async def test_it_migrates_what_the_file_names(
    empty_url: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env.production").write_text(f"DATABASE_URL={empty_url.render().get_secret_value()}\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/a-developers-own")
    ended = migrate_prod(tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    *lines, last = ended.stdout.splitlines()
    assert last == "Done: the database has every migration."
    assert [line.split()[:2] for line in lines] == [
        [verb, name] for name in migration_versions() for verb in ("Applying", "Applied")
    ]
    assert (await migration_status(empty_url)).pending == ()
