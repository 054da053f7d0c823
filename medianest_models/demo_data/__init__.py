"""Demo data: an example portal, not for real use."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.demo_data.media import make_downloads, make_requests
from medianest_models.demo_data.random_source import RandomSource
from medianest_models.demo_data.services import CHECKS, make_checks
from medianest_models.demo_data.users import make_users, make_visits
from medianest_models.errors import ConfigurationError
from medianest_models.models import User
from medianest_models.models.base import Base
from medianest_models.repositories import services
from medianest_models.settings import load_settings

_BATCH: Final = 500

# Raw, because it asks PostgreSQL to look at what is there now, and not when it finds the time.
_ANALYZE: Final = "ANALYZE users, media_requests, media_request_status_updates, service_status_history"


async def fill_with_demo_data(progress: Callable[[int, int], None]) -> dict[str, int] | None:
    """Insert 50 users with 2,000 requests, downloads, sessions and a log, and a month of checks of each service.

    It is one transaction: interrupted, it leaves nothing. Apart from the time and the ids it is the same every time.

    Args:
        progress: Called with how many more rows are written, and how many there will be in all.

    Returns:
        How many rows each table got; None when the demo data were there already, and nothing was changed.

    Raises:
        ConfigurationError: This is production; or there is no key to encrypt the users' tokens with.
    """
    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where there are no demo data")
    source = RandomSource(datetime.datetime.now(datetime.UTC))
    users = make_users(source)
    if await User.filter(plex_id=users[0].plex_id).exists():
        return None
    tables: list[Sequence[Base]] = [users, *make_requests(source, users), make_downloads(source, users)]
    tables += make_visits(source, users)
    watched = (await services.list_enabled()).data
    written = {rows[0]._meta.db_table: len(rows) for rows in tables}
    written["service_status_history"] = CHECKS * len(watched)
    total = sum(written.values())
    async with transaction():
        for rows in tables:
            for start in range(0, len(rows), _BATCH):
                batch = rows[start : start + _BATCH]
                await type(rows[0]).bulk_create(batch)
                progress(len(batch), total)
        for place, service in enumerate(watched):
            if service.url is None:
                await services.configure(
                    service.name, url=f"http://{service.name}.home.arpa:8080", api_key=source.token(32)
                )
            checks = make_checks(source, service.name, place)
            while done := await services.record_checks(islice(checks, 10 * _BATCH)):
                progress(done, total)
    await execute(_ANALYZE)
    return written
