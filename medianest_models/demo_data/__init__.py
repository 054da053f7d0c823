"""Demo data: an example portal, not for real use."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from medianest_models.db import transaction
from medianest_models.db.partitions import PARTITIONED, make_partitions
from medianest_models.db.statements import execute
from medianest_models.demo_data.media import make_downloads, make_followers, make_requests
from medianest_models.demo_data.random_source import RandomSource
from medianest_models.demo_data.services import CHECKS, make_checks, make_maintenance
from medianest_models.demo_data.users import make_users, make_visits
from medianest_models.errors import ConfigurationError, ConflictError
from medianest_models.models import Service, User
from medianest_models.models.base import Base
from medianest_models.repositories import services
from medianest_models.settings import load_settings

_BATCH: Final = 500
_LONGEST_HISTORY: Final = datetime.timedelta(days=60)

# Raw, because it asks PostgreSQL to look at what is there now, and not when it finds the time.
_ANALYZE: Final = (
    "ANALYZE users, media_requests, media_request_followers, media_request_status_updates, service_status_history"
)


def refuse_production() -> None:
    """Raise a ConfigurationError in production."""
    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where there are no demo data")


async def refuse_users() -> None:
    """Raise a ConflictError where there are users that are neither the demo data's nor `bootstrap_admin`'s."""
    if await User.exclude(plex_id__startswith="demo-").exclude(plex_id__startswith="local:").exists():
        raise ConflictError("there are users already: demo data are for a database that nobody uses")


async def fill_with_demo_data(progress: Callable[[int, int], None]) -> dict[str, int] | None:
    """Insert 50 users with 2,000 requests, downloads, sessions and a log, and a month of checks and maintenance.

    It is one transaction: interrupted, it leaves nothing. Apart from the time and the ids it is the same every time.
    A service that is configured is left alone.

    Args:
        progress: Called with how many more rows are written, and how many there will be in all.

    Returns:
        How many rows each table got; None when the demo data were there already, and nothing was changed.

    Raises:
        ConfigurationError: This is production; or there is no key to encrypt the users' tokens with.
        ConflictError: There are users, as `refuse_users` says.
    """
    refuse_production()
    source = RandomSource(datetime.datetime.now(datetime.UTC))
    users = make_users(source)
    if await User.filter(plex_id=users[0].plex_id).exists():
        return None
    await refuse_users()
    requests, history = make_requests(source, users)
    tables: list[Sequence[Base]] = [users, requests, history, make_followers(source, users, requests)]
    tables.append(make_downloads(source, users))
    tables += make_visits(source, users)
    written = {rows[0]._meta.db_table: len(rows) for rows in tables}
    for table in PARTITIONED:
        await make_partitions(table, since=source.now - _LONGEST_HISTORY)
    async with transaction():
        enabled = await Service.filter(enabled=True).order_by("name").select_for_update()
        as_seeded = (None, None, None)
        watched = [service for service in enabled if (service.url, service.api_key, service.config_data) == as_seeded]
        maintenance = [make_maintenance(source, place) for place in range(len(watched))]
        written["service_status_history"] = CHECKS * len(watched)
        written["service_maintenance"] = sum(map(len, maintenance))
        total = sum(written.values())
        for rows in tables:
            for start in range(0, len(rows), _BATCH):
                batch = rows[start : start + _BATCH]
                await type(rows[0]).bulk_create(batch)
                progress(len(batch), total)
        for place, (service, windows) in enumerate(zip(watched, maintenance, strict=True)):
            await services.configure(
                service.name, url=f"http://{service.name}.home.arpa:8080", api_key=source.token(32)
            )
            for window in windows:
                await services.maintenance.plan(service.name, **window._asdict())
                progress(1, total)
            checks = make_checks(source, service.name, place, windows)
            while done := await services.record_checks(islice(checks, 10 * _BATCH)):
                progress(done, total)
    await execute(_ANALYZE)
    return written
