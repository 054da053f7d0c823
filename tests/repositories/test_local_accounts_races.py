"""Concurrent use of local accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from argon2 import PasswordHasher

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.encryption import passwords
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    NotFoundError,
    PasswordChangeRequiredError,
)
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import sessions, users
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until

PASSWORD = "correct horse battery"
HASHER = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)  # a twentieth of the time
HASH, OTHER_HASH = HASHER.hash(PASSWORD), HASHER.hash(PASSWORD)
OUTDATED = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture(autouse=True)
def quick_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hashing fast, because these tests wait for locks only."""
    monkeypatch.setattr(passwords, "_hasher", HASHER)


async def make_account(password_hash: str = HASH) -> User:
    user = await User.create(plex_id="local:admin", plex_username="admin")
    await LocalCredential.create(user=user, username="admin", password_hash=password_hash)
    return user


async def bootstrap() -> bool:
    return await users.bootstrap_admin() is not None


async def test_a_bootstrap_waits_for_another_ones_admin(fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    async with transaction():
        assert await bootstrap()
        monkeypatch.setenv("ADMIN_USERNAME", "another")
        second = elsewhere(bootstrap())
        await until(someone_waits_for_a_lock, seconds=10)
    assert not await second
    assert await User.filter(role="admin").count() == 1


async def test_of_two_changes_of_the_same_password_one_wins(fresh_db: DatabaseUrl) -> None:
    await make_account(OUTDATED)
    news = [f"the new password {number}" for number in range(4)]
    outcomes = await asyncio.gather(
        *(users.change_password("admin", password=PASSWORD, new_password=new) for new in news), return_exceptions=True
    )
    won = [new for new, outcome in zip(news, outcomes, strict=True) if isinstance(outcome, User)]
    assert len(won) == 1
    assert all(isinstance(outcome, User | AuthenticationError) for outcome in outcomes)
    await users.authenticate("admin", password=won[0])


async def test_who_changed_the_password_gets_no_session_after_another_change(db: DatabaseUrl) -> None:
    user = await make_account()
    changed = await users.change_password("admin", password=PASSWORD, new_password="another password")
    assert (await sessions.issue(changed)).session.user_id == user.id
    await users.set_password(user.id, password="the admin's password")
    with pytest.raises(AuthenticationError):
        await sessions.issue(changed)


MEANWHILE: dict[str, tuple[Callable[[User], Awaitable[Any]], type[AuthenticationError]]] = {
    "change it": (
        lambda _: users.change_password("admin", password=PASSWORD, new_password="another password"),
        AuthenticationError,
    ),
    "set it": (lambda user: users.set_password(user.id, password="another password"), AuthenticationError),
    "take it away": (lambda _: execute("DELETE FROM local_credentials"), AuthenticationError),
    "require another": (
        lambda _: execute("UPDATE local_credentials SET must_change_password = TRUE"),
        PasswordChangeRequiredError,
    ),
    "suspend": (lambda user: users.suspend(user.id), AccountSuspendedError),
    "delete": (lambda user: users.delete(user.id), AuthenticationError),
}
"""Each change of an account, and the error for a sign-in with the previously valid password."""


@pytest.mark.parametrize("password_hash", [HASH, OUTDATED], ids=["today's hash", "outdated hash"])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_nobody_signs_in_with_what_was_true_before_the_hash_was_verified(
    fresh_db: DatabaseUrl, meanwhile: str, password_hash: str
) -> None:
    happen, expected = MEANWHILE[meanwhile]
    user = await make_account(password_hash)
    async with transaction():
        await happen(user)
        sign_in = elsewhere(users.authenticate("admin", password=PASSWORD))  # it sees the account before the change
        await until(someone_waits_for_a_lock, seconds=10)
    with pytest.raises(AuthenticationError) as raised:
        await sign_in
    assert type(raised.value) is expected
    assert not await User.filter(last_login_at__not_isnull=True).exists()
    if meanwhile in {"change it", "set it"}:
        await users.authenticate("admin", password="another password")


@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_no_session_is_issued_for_a_password_that_does_not_hold_any_more(
    fresh_db: DatabaseUrl, meanwhile: str, when: str
) -> None:
    happen, expected = MEANWHILE[meanwhile]
    user = await make_account()
    signed_in = await users.authenticate("admin", password=PASSWORD)
    async with transaction():
        await happen(user)
        issuing = elsewhere(sessions.issue(signed_in)) if when == "during" else None
        if issuing is not None:
            await until(someone_waits_for_a_lock, seconds=10)
    with pytest.raises(NotFoundError if meanwhile == "delete" else expected) as raised:
        await (issuing or sessions.issue(signed_in))
    assert type(raised.value) in {expected, NotFoundError}
    assert not await SessionToken.exists()


@pytest.mark.parametrize("act", ["sign in", "change"])
async def test_another_hash_of_the_same_password_is_as_good(fresh_db: DatabaseUrl, act: str) -> None:
    await make_account()
    async with transaction():
        await execute("UPDATE local_credentials SET password_hash = $1", OTHER_HASH)
        acting = elsewhere(
            users.authenticate("admin", password=PASSWORD)
            if act == "sign in"
            else users.change_password("admin", password=PASSWORD, new_password="another password")
        )
        await until(someone_waits_for_a_lock, seconds=10)
    user = await acting
    if act == "sign in":
        await sessions.issue(user)
    else:
        await users.authenticate("admin", password="another password")


async def test_who_is_suspended_meanwhile_keeps_the_old_password(fresh_db: DatabaseUrl) -> None:
    user = await make_account()
    async with transaction():
        await users.suspend(user.id)
        changing = elsewhere(users.change_password("admin", password=PASSWORD, new_password="another password"))
        await until(someone_waits_for_a_lock, seconds=10)
    with pytest.raises(AccountSuspendedError):
        await changing
    await users.reinstate(user.id)
    await users.authenticate("admin", password=PASSWORD)
