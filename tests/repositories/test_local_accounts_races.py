"""What many do at once to accounts with a password of our own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.errors import AccountSuspendedError, AuthenticationError
from medianest_models.models import LocalCredential, User
from medianest_models.repositories import users
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

PASSWORD = "correct horse battery"
OUTDATED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


async def make_account() -> User:
    user = await User.create(plex_id="local:admin", plex_username="admin")
    await LocalCredential.create(user=user, username="admin", password_hash=OUTDATED)
    return user


async def bootstrap() -> bool:
    return await users.bootstrap_admin() is not None


async def test_eight_bootstraps_at_once_make_one_admin(fresh_db: DatabaseUrl) -> None:
    for _ in range(2):
        await User.all().delete()
        assert sorted(run_in_processes(bootstrap, 8, url=fresh_db, connected=True)) == [False] * 7 + [True]
        assert await User.filter(role="admin").count() == 1


async def test_a_bootstrap_waits_for_another_ones_admin(fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    async with transaction():
        assert await bootstrap()
        monkeypatch.setenv("ADMIN_USERNAME", "another")
        second = elsewhere(bootstrap())
        await until(someone_waits_for_a_lock, seconds=10)
    assert not await second
    assert await User.filter(role="admin").count() == 1


async def test_of_two_changes_of_the_same_password_one_wins(fresh_db: DatabaseUrl) -> None:
    await make_account()
    news = [f"the new password {number}" for number in range(4)]
    outcomes = await asyncio.gather(
        *(users.change_password("admin", password=PASSWORD, new_password=new) for new in news), return_exceptions=True
    )
    won = [new for new, outcome in zip(news, outcomes, strict=True) if isinstance(outcome, User)]
    assert len(won) == 1
    assert all(isinstance(outcome, User | AuthenticationError) for outcome in outcomes)
    await users.authenticate("admin", password=won[0])


async def test_who_is_suspended_during_the_sign_in_is_not_signed_in(fresh_db: DatabaseUrl) -> None:
    user = await make_account()
    await execute("UPDATE local_credentials SET password_hash = $1", PasswordHasher().hash(PASSWORD))
    async with transaction():
        await users.suspend(user.id)
        sign_in = elsewhere(users.authenticate("admin", password=PASSWORD))
        await until(someone_waits_for_a_lock, seconds=10)
    with pytest.raises(AccountSuspendedError):
        await sign_in


async def test_an_old_hash_made_anew_does_not_undo_a_change_of_the_password(fresh_db: DatabaseUrl) -> None:
    await make_account()
    async with transaction():
        await users.change_password("admin", password=PASSWORD, new_password="another password")
        sign_in = elsewhere(users.authenticate("admin", password=PASSWORD))
        await until(someone_waits_for_a_lock, seconds=10)
    await sign_in
    with pytest.raises(AuthenticationError):
        await users.authenticate("admin", password=PASSWORD)
    await users.authenticate("admin", password="another password")
