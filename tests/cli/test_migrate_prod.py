"""`just migrate-prod` uses the settings of .env.production, and does not prompt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medianest_models.db.requirements import migration_status, migration_versions
from medianest_models.settings import DatabaseUrl
from tests.commands import PROGRAM
from tests.conftest import CHECKOUT


def migrate_prod(folder: Path) -> subprocess.CompletedProcess[str]:
    program, recipes = PROGRAM.parent / "just", CHECKOUT / "justfile"
    return subprocess.run(
        [str(program), "--justfile", str(recipes), "--working-directory", str(folder), "migrate-prod"],
        env=os.environ | {"VIRTUAL_ENV": sys.prefix},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the command's own output, without the last line, which is just's."""
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
