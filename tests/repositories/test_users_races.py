"""Users whom many workers change at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from medianest_models.db import database, transaction
from medianest_models.enums import UserRole, UserStatus
from medianest_models.errors import AccountSuspendedError, ConflictError
from medianest_models.models import User
from medianest_models.repositories import users
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from medianest_models.settings import DatabaseUrl


async def sign_in(plex_id: str, times: int) -> list[UUID]:
    found = await asyncio.gather(
        *(users.upsert_from_plex(plex_id, plex_username="Jo", plex_token=f"token {n}") for n in range(times))
    )
    return [user.id for user in found]


async def read_user(url: DatabaseUrl) -> tuple[int, SecretStr | None]:
    async with database(url):
        return await User.all().count(), (await User.get()).plex_token


def test_many_first_sign_ins_make_one_user(fresh_url: DatabaseUrl) -> None:
    outcomes = run_in_processes(sign_in, 4, "1", 5, url=fresh_url, connected=True)
    ids = [user_id for outcome in outcomes for user_id in outcome]
    assert len(ids) == 20
    assert len(set(ids)) == 1
    count, token = asyncio.run(read_user(fresh_url))
    assert count == 1
    assert token in [SecretStr(f"token {n}") for n in range(5)]


async def try_to_lose(number: int, user_id: UUID) -> str:
    loss: Callable[[UUID], Awaitable[Any]] = (users.suspend, users.delete, _demote)[number % 3]
    try:
        await loss(user_id)
    except ConflictError:
        return "refused"
    return "done"


async def _demote(user_id: UUID) -> None:
    await users.set_role(user_id, role=UserRole.USER)


async def test_of_many_admins_that_go_at_once_one_stays(fresh_db: DatabaseUrl) -> None:
    for _ in range(5):
        admins = [await User.create(plex_id=f"{n}", plex_username="A", role=UserRole.ADMIN) for n in range(12)]
        outcomes = await asyncio.gather(*(try_to_lose(n, admin.id) for n, admin in enumerate(admins)))
        assert sorted(outcomes) == ["done"] * 11 + ["refused"]
        assert await User.filter(role=UserRole.ADMIN, status=UserStatus.ACTIVE).count() == 1
        await User.all().delete()


async def test_a_sign_in_waits_for_the_suspension(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="Old")
    async with transaction():
        await users.suspend(user.id)
        signing_in = elsewhere(users.upsert_from_plex("1", plex_username="New"))
        await until(someone_waits_for_a_lock)
    with pytest.raises(AccountSuspendedError):
        await signing_in
    assert (await users.get(user.id)).plex_username == "Old"
