"""Calls of several statements that fail at any of them: an error that says that nothing was sent is right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest_models.db.client import Client
from medianest_models.db.partitions import make_partitions
from medianest_models.db.statements import execute, fetch
from medianest_models.encryption.keys import generate_key, key_ring
from medianest_models.encryption.reencryption import rotate_secrets
from medianest_models.enums import ServiceStatus
from medianest_models.errors import DatabaseTimeoutError
from medianest_models.models import User
from medianest_models.repositories import activity, downloads, rate_limits, services, sessions
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import ENCRYPTION_KEY
from tests.db.test_partitions import months_ago

TABLES = """
SELECT oid::regclass::text AS name FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1
"""
LATER = timedelta(days=400)

CALLS: dict[str, Callable[[], Awaitable[object]]] = {
    "activity.prune": lambda: activity.prune(datetime.now(UTC) + LATER, batch_size=1),
    "activity.drop_months": lambda: activity.drop_months(months_ago(1)),
    "downloads.prune": lambda: downloads.prune(datetime.now(UTC) + LATER, batch_size=1),
    "make_partitions": lambda: make_partitions("activity_logs", since=months_ago(6)),
    "rate_limits.delete_expired": lambda: rate_limits.delete_expired(batch_size=1),
    "rotate_secrets": lambda: rotate_secrets(batch_size=1),
    "services.roll_up": services.roll_up,
    "services.drop_history": lambda: services.drop_history(months_ago(1)),
    "services.prune_history": lambda: services.prune_history(months_ago(1), batch_size=1),
    "sessions.delete_expired": lambda: sessions.delete_expired(batch_size=1),
}


async def state() -> dict[str, Any]:
    """Return a fingerprint of every table."""
    found = {}
    for table in await fetch(TABLES):
        sql = f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) AS rows FROM {table['name']} AS t"
        found[table["name"]] = (await fetch(sql))[0]["rows"]
    return found


async def fill() -> None:
    """Give every call something to do, in several steps."""
    for number in range(3):
        user = await User.create(plex_id=f"{number}", plex_username="ann", plex_token="token")
        await sessions.issue(user)
        await downloads.enqueue(user.id, playlist_url="https://youtube.example/1")
        for rolling in (False, True):
            await rate_limits.hit("search", user_id=user.id, rolling=rolling)
    await execute("UPDATE youtube_downloads SET status = 'failed', completed_at = now()")
    await execute("UPDATE session_tokens SET expires_at = created_at + interval '1 microsecond'")
    await execute("UPDATE rate_limits SET window_start = window_start - interval '2 days'")
    await execute("UPDATE rolling_rate_limits SET expires_at = now() - interval '1 day'")
    for name in ("plex", "tautulli"):
        await execute("INSERT INTO services (name, display_name) VALUES ($1, 'S')", name)
        for month in (2, 3):
            for hour in (0, 1):
                at = months_ago(month) + timedelta(hours=hour)
                await services.record_check(name, status=ServiceStatus.UP, checked_at=at)
    for month in (2, 3):
        await execute("INSERT INTO activity_logs (action, created_at) VALUES ('import', $1)", months_ago(month))
    await make_partitions("service_status_history", since=months_ago(3))
    await make_partitions("activity_logs", since=months_ago(3))


@pytest.fixture
def newer_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a key, and forget at the end that it was used."""
    yield generate_key().get_secret_value()
    key_ring.cache_clear()


@pytest.mark.parametrize("name", CALLS)
async def test_an_error_that_says_that_nothing_was_sent_is_right(
    fresh_db: DatabaseUrl, newer_key: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await fill()
    monkeypatch.setenv("ENCRYPTION_KEYS", f"{newer_key},{ENCRYPTION_KEY}")
    key_ring.cache_clear()
    acquire = Client.acquire
    left = 0

    async def acquire_while_some_are_left(client: Client, **options: Any) -> Any:
        nonlocal left
        if left == 0:
            raise DatabaseTimeoutError("no connection became free", sent=False)
        left -= 1
        return await acquire(client, **options)

    has_changed = False
    for allowed in range(100):
        before = await state()
        with monkeypatch.context() as patch:
            patch.setattr(Client, "acquire", acquire_while_some_are_left)
            left = allowed
            try:
                await CALLS[name]()
            except DatabaseTimeoutError as error:
                sent = error.sent
            else:
                break
        changes = before != await state()
        assert sent is None or not changes, f"the call with {allowed} statements had changed something"
        has_changed |= changes
    assert has_changed, "no call was stopped in the middle"
