"""The rules of users, their passwords and their sessions, which an edit keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import UserRole, UserStatus
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import sessions
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.studio.conftest import alerts, ann

if TYPE_CHECKING:
    import asyncio

    import httpx

    from tests.studio.conftest import Visitor


async def ann_with_a_password() -> User:
    user = await ann()
    await LocalCredential.create(user=user, username="ann", password_hash="a hash")
    return user


async def test_the_last_admin_stays_one(visitor: Visitor) -> None:
    user = await ann(role=UserRole.ADMIN)
    for typed in ({"role": "user"}, {"status": "suspended"}):
        response = await visitor.edit("users", user.id, **typed)
        assert response.status_code == 422
        assert "last active admin" in alerts(response)
    response = await visitor.delete("users", user.id)
    assert response.status_code == 400
    assert "last active admin" in response.json()["msg"]
    await user.refresh_from_db()
    assert (user.role, user.status) == (UserRole.ADMIN, UserStatus.ACTIVE)


async def test_to_suspend_a_user_ends_their_sessions(visitor: Visitor) -> None:
    user = await ann()
    await sessions.issue(user.id)
    await visitor.edit("users", user.id, status="suspended")
    assert await SessionToken.all().count() == 0
    await visitor.edit("users", user.id, status="active")
    await user.refresh_from_db()
    assert user.is_active


async def set_the_password(visitor: Visitor, user: User) -> httpx.Response:
    credential = await LocalCredential.get(user_id=user.id)
    return await visitor.edit("local_credentials", credential.id, password="another password")


async def take_the_password_away(visitor: Visitor, user: User) -> httpx.Response:
    credential = await LocalCredential.get(user_id=user.id)
    return await visitor.delete("local_credentials", credential.id)


async def suspend(visitor: Visitor, user: User) -> httpx.Response:
    return await visitor.edit("users", user.id, status="suspended")


async def delete(visitor: Visitor, user: User) -> httpx.Response:
    return await visitor.delete("users", user.id)


async def end_the_session(visitor: Visitor, user: User) -> httpx.Response:
    token = await SessionToken.get(user_id=user.id)
    return await visitor.delete("session_tokens", token.id)


ENDINGS = (set_the_password, take_the_password_away, suspend, delete, end_the_session)


@pytest.mark.parametrize("end", ENDINGS)
async def test_no_session_whose_token_is_being_exchanged_outlives_its_end(analyst: Visitor, end: Any) -> None:
    user = await ann_with_a_password()
    issued = await sessions.issue(user.id)
    async with transaction():
        await sessions.rotate(issued.token)
        ending: asyncio.Task[httpx.Response] = elsewhere(end(analyst, user))
        await until(someone_waits_for_a_lock, seconds=10)
    assert (await ending).status_code in (200, 303)
    assert not await SessionToken.exists()


async def test_to_end_a_session_leaves_the_others(visitor: Visitor) -> None:
    user = await ann()
    ended, kept = await sessions.issue(user.id), await sessions.issue(user.id)
    assert (await visitor.delete("session_tokens", ended.session.id)).status_code == 200
    assert await SessionToken.all() == [kept.session]


async def test_a_password_is_set_behind_whoever_holds_the_user_and_goes_for_the_password(analyst: Visitor) -> None:
    user = await ann_with_a_password()
    async with transaction():  # as a change of the password does
        await fetch_one("SELECT FROM users WHERE id = $1 FOR UPDATE", user.id)
        setting = elsewhere(set_the_password(analyst, user))
        await until(someone_waits_for_a_lock, seconds=10)
        await execute("UPDATE local_credentials SET must_change_password = TRUE")
    assert (await setting).status_code == 303
    assert (await LocalCredential.get()).must_change_password
