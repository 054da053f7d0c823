"""The state that statements leave in the session of a connection."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, cast

from tortoise.connection import get_connection

from medianest_models.errors import DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl

# For a new type, asyncpg turns jit off and on again: it is then set, but to its previous value.
_STATE: Final = """
SELECT 'set ' || name AS left_behind FROM pg_settings WHERE source = 'session' AND setting <> reset_val
UNION ALL SELECT 'set medianest.seeding' WHERE current_setting('medianest.seeding', TRUE) <> ''
UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
UNION ALL SELECT 'listens to ' || channel FROM pg_listening_channels() AS channel
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE is_holdable
UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'
ORDER BY 1
"""


async def session_state() -> list[str]:
    """Return the session state of the last used connection, which remains when it returns to the pool."""
    rows = await get_connection("default").execute_query_dict(_STATE)
    return [cast("str", row["left_behind"]) for row in rows]


async def assert_clean_session(url: DatabaseUrl) -> None:
    """Check that the last used connection has no state, unless the test disconnected or a PgBouncer is used."""
    if not url.pgbouncer:
        with suppress(DatabaseUnavailableError):
            left_behind = await session_state()
            assert not left_behind, left_behind
