"""docs/leaving-aerich.md is right about Tortoise's own migrations: otherwise the page has to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder

from medianest_models import models
from medianest_models.db.direct import direct_connection
from medianest_models.settings import APP, DatabaseUrl, load_settings, tortoise_config
from tests.commands import python
from tests.conftest import CHECKOUT

CONFIG = """
from medianest_models.settings import load_settings, tortoise_config
TORTOISE_ORM = tortoise_config(load_settings(), for_migrations=True)
for app in TORTOISE_ORM["apps"].values():
    app["models"] = [name for name in app["models"] if "aerich" not in name]
    app["migrations"] = "drafts"
"""
FILE = """
from tortoise.migrations import Migration as Base
from tortoise.migrations.operations import RunSQL
class Migration(Base):
    operations = [RunSQL("CREATE TABLE made (id int)", "DROP TABLE made")]
"""


def drafts(folder: Path) -> list[str]:
    """Draft once more, and return the text of all drafts."""
    ended = python(
        *("-m", "tortoise", "-c", "leaving.TORTOISE_ORM", "makemigrations"), PYTHONPATH=f"{folder}:{CHECKOUT}"
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [path.read_text() for path in sorted((folder / "drafts").glob("0*.py"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leaving.py").write_text(CONFIG)
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "__init__.py").touch()
    return tmp_path


def test_the_drafts_do_not_come_to_rest(empty_url: DatabaseUrl, folder: Path) -> None:
    (first,) = drafts(folder)
    assert first.count("ops.CreateModel(") == len(models.__all__)
    assert "EncryptedField(" in first
    assert "CHECK" not in first
    for _ in range(2):
        *_, last = drafts(folder)
        assert last.count("ops.") == 1
        assert "ops.AlterField(\n            model_name='SystemConfig',\n            name='updated_by'," in last


async def test_a_file_is_recorded_after_its_transaction(
    empty_url: DatabaseUrl, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "drafts" / "0001_made.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(folder))

    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MigrationRecorder, "record_applied", die)
    config = tortoise_config(load_settings(), url=empty_url, for_migrations=True)
    apps = {APP: {**config["apps"][APP], "migrations": "drafts"}}
    async with TortoiseContext() as context:
        await context.init(config=config)
        with pytest.raises(KeyboardInterrupt):
            await MigrationExecutor(context.connections.get("default"), apps).migrate()
    async with direct_connection(empty_url) as connection:
        assert await connection.fetchval("SELECT to_regclass('made') IS NOT NULL")
        assert not await connection.fetchval("SELECT EXISTS (SELECT FROM tortoise_migrations)")
