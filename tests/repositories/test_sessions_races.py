"""Sessions that are made, used and ended at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.encryption.passwords import hash_password
from medianest_models.errors import AccountSuspendedError, InvalidTokenError, TokenReuseError
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import sessions, users
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

PASSWORD = "correct horse battery"


async def make_user(password: str | None = None) -> User:
    user = await User.create(plex_id="local:ann", plex_username="ann")
    if password is not None:
        hashed = await hash_password(SecretStr(password))
        await LocalCredential.create(user=user, username="ann", password_hash=hashed)
    return user


async def end_by_revoking(user: User) -> None:
    await sessions.revoke_all(user.id)


async def end_by_suspending(user: User) -> None:
    await users.suspend(user.id)


async def end_by_a_new_password(user: User) -> None:
    await users.change_password("ann", password=PASSWORD, new_password="another password")


ENDINGS = (end_by_revoking, end_by_suspending, end_by_a_new_password)


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("way", ["issued", "exchanged"])
async def test_no_session_that_is_being_made_outlives_the_end_of_all(fresh_db: DatabaseUrl, end: Any, way: str) -> None:
    user = await make_user(PASSWORD)
    issued = await sessions.issue(user.id)
    async with transaction():
        if way == "issued":
            await sessions.issue(user.id)
        else:
            await sessions.rotate(issued.token)
        ending = elsewhere(end(user))
        await until(someone_waits_for_a_lock, seconds=10)
    await ending
    assert not await SessionToken.exists()


@pytest.mark.parametrize("way", ["issued", "exchanged"])
async def test_no_session_is_made_while_the_user_is_being_suspended(fresh_db: DatabaseUrl, way: str) -> None:
    user = await make_user()
    issued = await sessions.issue(user.id)
    async with transaction():
        await users.suspend(user.id)
        making = elsewhere(sessions.issue(user.id) if way == "issued" else sessions.rotate(issued.token))
        await until(someone_waits_for_a_lock, seconds=10)
    with pytest.raises((AccountSuspendedError, InvalidTokenError)):
        await making
    assert not await SessionToken.exists()


@pytest.mark.parametrize("way", ["revoked", "revoked by its id", "replayed"])
async def test_no_token_that_is_being_exchanged_outlives_the_end_of_its_family(fresh_db: DatabaseUrl, way: str) -> None:
    user = await make_user()
    first = await sessions.issue(user.id)
    second = await sessions.rotate(first.token)
    assert second.token is not None
    await execute("UPDATE session_tokens SET rotated_at = rotated_at - $1::interval", sessions.ROTATION_GRACE)
    async with transaction():
        await sessions.rotate(second.token)
        ending: asyncio.Task[Any] = elsewhere(
            sessions.rotate(first.token)
            if way == "replayed"
            else sessions.revoke(second.token)
            if way == "revoked"
            else sessions.revoke_session(second.session.id, user_id=user.id)
        )
        await until(someone_waits_for_a_lock, seconds=10)
    if way == "replayed":
        with pytest.raises(TokenReuseError):
            await ending
    else:
        assert await ending
    assert not await SessionToken.exists()


async def rotate_often(tokens: list[str]) -> list[str | None]:
    outcomes: list[str | None] = []
    for token in tokens:
        rotated = await sessions.rotate(token)
        outcomes.append(rotated.token.get_secret_value() if rotated.token else None)
    return outcomes


async def test_32_rotations_from_processes_give_one_token_and_one_live_chain(fresh_db: DatabaseUrl) -> None:
    user = await make_user()
    tokens = [(await sessions.issue(user.id)).token.get_secret_value() for _ in range(10)]
    rounds = run_in_processes(rotate_often, 32, tokens, url=fresh_db, connected=True)
    for token, outcomes in zip(tokens, zip(*rounds, strict=True), strict=True):
        fresh = [outcome for outcome in outcomes if outcome is not None]
        assert len(fresh) == 1
        family = (await sessions.verify(fresh[0])).family_id
        assert await SessionToken.filter(family_id=family, rotated_at__isnull=True).count() == 1
        assert (await sessions.verify(token)).family_id == family  # within the grace


async def keep_rotating(token: str) -> None:
    while True:
        rotated = await sessions.rotate(token)
        if rotated.token is not None:
            token = rotated.token.get_secret_value()


async def test_no_rotation_slips_through_while_all_sessions_end(fresh_db: DatabaseUrl) -> None:
    user = await make_user()
    for _ in range(20):
        tokens = [(await sessions.issue(user.id)).token.get_secret_value() for _ in range(8)]
        running = [asyncio.create_task(keep_rotating(token)) for token in tokens]
        await asyncio.sleep(0.02)
        await sessions.revoke_all(user.id)
        async with asyncio.timeout(20):  # one that slipped through would go on for ever
            outcomes = await asyncio.gather(*running, return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, InvalidTokenError)
        assert not await SessionToken.exists()
