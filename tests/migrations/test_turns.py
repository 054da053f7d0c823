"""The queue of downloads while the migrations that give it turns are applied: nothing stops, no order changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from medianest_models.migrate.applying import migrate
from medianest_models.settings import DatabaseUrl
from tests.migrations.commands import FILES

ENQUEUE = "INSERT INTO youtube_downloads (user_id, playlist_url) SELECT id, $2 FROM users WHERE plex_username = $1"
CLAIM = "SELECT playlist_url FROM medianest_claim_next_download('w', 60, NULL, 3)"
COMPLETE = "UPDATE youtube_downloads SET status = 'completed' WHERE status = 'downloading'"
NAMES = ("turns", "next_turn_index", "last_turn_of_user_index", "last_claimed_turn_index", "fair_queue")
LATER = ("claim_from_a_long_queue", "turns_of_due_downloads")
"""They replace functions of the last of them, and are left out."""


async def test_workers_of_the_release_before_go_on_and_what_waits_stays_in_its_order(
    files: Path, empty_url: DatabaseUrl, look: asyncpg.Connection[Any]
) -> None:
    async def claim() -> str:
        claimed: str = await look.fetchval(CLAIM)
        await look.execute(COMPLETE)
        return claimed

    paths, later = (
        [files / file for name in names for file in FILES if file.endswith(f"_{name}.py")] for names in (NAMES, LATER)
    )
    texts = [path.read_text() for path in paths]
    for path in (*paths, *later):
        path.unlink()
    await migrate(empty_url)
    await look.execute("INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann'), ('2', 'bob')")
    for number in range(8):
        await look.execute(ENQUEUE, "bob" if number == 5 else "ann", f"before {number}")
    for number, (path, text) in enumerate(zip(paths, texts, strict=True)):
        path.write_text(text)
        assert await migrate(empty_url) == [path.name]
        assert await claim() == f"before {number}"
        await look.execute(ENQUEUE, "ann", f"during {number}")
    assert await look.fetchval("SELECT count(*) FROM youtube_downloads WHERE turn = 0") == 8
    await look.execute(ENQUEUE, "bob", "after")
    rest = [await claim() for _ in range(9)]
    assert rest[:3] == ["before 5", "before 6", "before 7"]
    assert rest[3:5] == ["during 0", "after"]
    assert rest[5:] == [f"during {number}" for number in range(1, 5)]
