"""The release before, which knows no seasons, on the schema of each file that brings them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.migrate.applying import load_migration, migrate
from tests.migrations.base_rows import OTHER, USER, insert_all
from tests.migrations.commands import FILES

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

OF_SEASONS: Final = [name for name in FILES if "season" in name]
SUBMIT_OF_BEFORE: Final = """
WITH request AS (
    INSERT INTO media_requests AS request
        (id, user_id, title, media_type, tmdb_id, imdb_id, overseerr_id, request_data)
    VALUES (medianest_uuid_v7(), $1, 'Dark', 'tv', $2, NULL, NULL, NULL)
    ON CONFLICT (tmdb_id, media_type) WHERE status IN ('pending', 'approved')
    DO UPDATE SET status = request.status
    RETURNING request.*
)
SELECT id FROM request
"""
INSERT: Final = (
    "INSERT INTO media_requests (user_id, title, media_type, tmdb_id, {0}) VALUES ($1, 'Dark', 'tv', $2, {1})"
)


async def test_until_the_last_file_it_submits_and_finds_its_duplicates(look: Connection, files: Path) -> None:
    texts = {name: (files / name).read_text() for name in OF_SEASONS}
    for later in FILES[FILES.index(OF_SEASONS[0]) :]:
        (files / later).unlink()
    await migrate()
    await insert_all(look)
    request = await look.fetchval(SUBMIT_OF_BEFORE, USER, "1")
    for number, name in enumerate(OF_SEASONS[:-1], start=2):
        (files / name).write_text(texts[name])
        assert await migrate() == [name]
        assert await look.fetchval(SUBMIT_OF_BEFORE, OTHER, "1") == request
        new = await look.fetchval(SUBMIT_OF_BEFORE, USER, str(number))
        assert await look.fetchval(SUBMIT_OF_BEFORE, OTHER, str(number)) == new


async def test_what_it_inserts_without_the_columns_is_unique_after_the_last_file(look: Connection, files: Path) -> None:
    await migrate()
    await insert_all(look)
    await look.execute(INSERT.format("status", "'pending'"), USER, "1")
    with pytest.raises(asyncpg.UniqueViolationError):
        await look.execute(INSERT.format("status", "'approved'"), OTHER, "1")
    with pytest.raises(asyncpg.InvalidColumnReferenceError):  # as docs/operations.md says
        await look.fetchval(SUBMIT_OF_BEFORE, USER, "2")


async def test_the_last_file_can_be_undone_when_one_season_is_open(look: Connection, files: Path) -> None:
    await migrate()
    await insert_all(look)
    for season in (1, 2):
        await look.execute(INSERT.format("season", season), USER, "1")
    downgrade = await load_migration(OF_SEASONS[-1])["downgrade"](None)
    with pytest.raises(asyncpg.UniqueViolationError):
        await look.execute(downgrade)
    await look.execute("UPDATE media_requests SET status = 'failed' WHERE season = 2")
    await look.execute(downgrade)
    assert await look.fetchval(SUBMIT_OF_BEFORE, USER, "1")
