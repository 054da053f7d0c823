"""The SQL of the manual that finds the rows with a timestamp out of range, and the one that mends them."""

from __future__ import annotations

import re
from typing import Any, Final

from medianest_models.db.statements import execute, fetch
from medianest_models.models import Service, SessionToken, User, YouTubeDownload
from medianest_models.repositories import sessions, users
from medianest_models.settings import DatabaseUrl
from tests.conftest import CHECKOUT
from tests.migrations.contract import TABLES

SECTION: Final = (CHECKOUT / "docs/operations.md").read_text().split("## Rows with a timestamp out of range")[1]
FIND, MEND = re.findall(r"```sql\n(.*?) \\gexec\n```", SECTION.split("\n## ")[0], re.DOTALL)


async def spoil(table: str, **instants: str) -> None:
    """Write what was there before the constraints; others of the table hold already while one is put back."""
    checks = {column: f"ck_{table}_{column}" for column in instants}
    for check in checks.values():
        await execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
    await execute(f"UPDATE {table} SET " + ", ".join(f"{column} = '{value}'" for column, value in instants.items()))
    for column, check in checks.items():
        await execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} "
            "BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00') NOT VALID"
        )


async def generated(sql: str) -> list[Any]:
    """Run a query as psql does with gexec: each row is a statement of its own."""
    return [row for (statement,) in await fetch(sql) for row in await fetch(statement)]


async def test_the_rows_are_found_and_mended(fresh_db: DatabaseUrl) -> None:
    user = await users.upsert_from_plex("1", plex_username="ann")
    session = await sessions.issue(user)
    download = await YouTubeDownload.create(user=user, playlist_url="u")
    service = await Service.create(name="plex", display_name="Plex")
    before = await YouTubeDownload.get(id=download.id).values("created_at", "started_at")
    assert await generated(FIND) == []
    await spoil("users", created_at="-infinity", last_login_at="0044-03-15 BC")
    await spoil("session_tokens", expires_at="infinity")
    await spoil("youtube_downloads", scheduled_at="10000-01-01")
    await spoil("services", created_at="infinity")
    assert {(row["broken"], str(row["id"])) for row in await generated(FIND)} == {
        ("ck_users_created_at", str(user.id)),
        ("ck_users_last_login_at", str(user.id)),
        ("ck_session_tokens_expires_at", str(session.session.id)),
        ("ck_youtube_downloads_scheduled_at", str(download.id)),
        ("ck_services_created_at", str(service.id)),
    }
    assert len(await fetch(MEND)) <= len(TABLES)
    await generated(MEND)
    assert await generated(FIND) == []
    assert await User.filter(id=user.id, created_at=None).count() == 0
    assert (await users.suspend(user.id)).last_login_at is not None
    assert await SessionToken.all().count() == 0
    mended = await YouTubeDownload.get(id=download.id)
    assert (mended.created_at, mended.started_at) == (before["created_at"], None)
