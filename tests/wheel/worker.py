"""A worker as a user of the wheel would write it: `.ci/run` runs and type-checks it outside the checkout."""

import asyncio

from medianest_models import (
    MediaRequest,
    RequestStatus,
    Service,
    SystemConfig,
    User,
    check_database_health,
    database,
    get_database_stats,
    paginate,
    transaction,
)


async def main() -> None:
    """Write and read a little of everything."""
    async with database():
        assert await check_database_health()
        assert {service.name for service in await Service.all()} == {"plex", "overseerr", "uptime-kuma"}
        assert await SystemConfig.all().count() == 6
        async with transaction():
            user, _ = await User.get_or_create(plex_id="42", defaults={"plex_username": "ann", "plex_token": "canary"})
            await MediaRequest.filter(user=user).delete()
            await MediaRequest.create(user=user, title="Alien", media_type="movie")
        again = await User.get(plex_id="42")
        token = again.plex_token
        assert token is not None
        assert token.get_secret_value() == "canary"
        assert "canary" not in f"{token} {token!r} {dict(again)}"
        page = await paginate(MediaRequest.filter(user=user), limit=10)
        request: MediaRequest = page.data[0]
        status: RequestStatus = request.status
        print(page.pagination.total, request.title, status.value)
        stats = await get_database_stats()
        assert stats is not None
        assert stats.media_requests == 1


asyncio.run(main())
