"""Ending all sessions of a user but the current one, also while tokens are being exchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.errors import AccountSuspendedError, InvalidInputError, InvalidTokenError, NotFoundError
from medianest_models.models import SessionToken, User
from medianest_models.repositories import activity, sessions, users
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE
from tests.locks import elsewhere, number_waiting_for_locks, someone_waits_for_a_lock, until
from tests.processes import run_in_processes


async def exchanged(token: str) -> str:
    """Exchange a token."""
    rotated = await sessions.rotate(token)
    assert rotated.token is not None
    return rotated.token.get_secret_value()


async def new_token(user: User) -> str:
    return (await sessions.issue(user.id)).token.get_secret_value()


async def families() -> set[UUID]:
    return {token.family_id for token in await SessionToken.all()}


async def test_the_whole_family_of_the_token_stays(user: User) -> None:
    neighbour = await User.create(plex_id="2", plex_username="ben")
    theirs = await sessions.verify(await new_token(neighbour))
    first, other = await new_token(user), await new_token(user)
    second = await exchanged(first)
    kept = await sessions.verify(second)
    await exchanged(other)
    for token in (second, first):  # the first is valid for the grace
        assert await sessions.revoke_all(str(user.id), except_token=token) == (2 if token == second else 0)
        assert await families() == {kept.family_id, theirs.family_id}
    assert await SessionToken.filter(user_id=user.id).count() == 2
    assert await sessions.verify(await exchanged(second))


@pytest.mark.parametrize("why", ["unknown", "another user's", "expired", "replayed"])
async def test_a_token_that_is_not_valid_keeps_nothing_and_ends_nothing(user: User, why: str) -> None:
    token, _ = await new_token(user), await new_token(user)
    match why:
        case "unknown":
            token = "x" * len(token)
        case "another user's":
            token = await new_token(await User.create(plex_id="2", plex_username="ben"))
        case "expired":
            found = (await sessions.verify(token)).id
            await SessionToken.filter(id=found).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        case "replayed":
            await exchanged(token)
            await execute("UPDATE session_tokens SET rotated_at = rotated_at - $1::interval", sessions.ROTATION_GRACE)
    before = await SessionToken.all().count()
    with pytest.raises(InvalidTokenError):
        await sessions.revoke_all(user.id, except_token=token)
    assert await SessionToken.all().count() == before


async def test_it_refuses(user: User) -> None:
    token = await new_token(user)
    with pytest.raises(NotFoundError):
        await sessions.revoke_all("01900000-0000-7000-8000-00000000ffff", except_token=token)
    with pytest.raises(InvalidInputError, match="token"):
        await sessions.revoke_all(user.id, except_token=5)  # type: ignore[arg-type]
    assert await SessionToken.all().count() == 1


@pytest.mark.parametrize("which", ["kept", "other"])
async def test_a_token_that_is_being_exchanged_is_of_its_family(fresh_db: DatabaseUrl, which: str) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    kept, other = await new_token(user), await new_token(user)
    family = (await sessions.verify(kept)).family_id
    async with transaction():
        await sessions.rotate(kept if which == "kept" else other)
        ending = elsewhere(sessions.revoke_all(user.id, except_token=kept))
        await until(someone_waits_for_a_lock, seconds=10)
    await ending
    assert await families() == {family}
    assert await SessionToken.all().count() == (2 if which == "kept" else 1)


End = Callable[[UUID, str], Coroutine[Any, Any, object]]
PASSWORD = "correct horse battery"
ENDS: dict[str, End] = {
    "all": lambda user_id, _: sessions.revoke_all(user_id),
    "the others": lambda user_id, token: sessions.revoke_all(user_id, except_token=token),
    "one": lambda _, token: sessions.revoke(token),
    "suspended": lambda user_id, _: users.suspend(user_id),
    "new password": lambda user_id, _: users.set_password(user_id, password=PASSWORD),
}


@pytest.fixture
async def ann(fresh_db: DatabaseUrl) -> User:
    """Make a user with a password."""
    return await users.create_local("ann", password=PASSWORD)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("exchange", [False, True])
async def test_a_stream_of_new_tokens_does_not_hold_up_the_end(ann: User, end: str, *, exchange: bool) -> None:
    """Who comes after the end waits for it, instead of taking the lock beside the one that the end waits for."""
    kept, other = await new_token(ann), await new_token(ann)

    async def two_wait_for_a_lock() -> bool:
        return await number_waiting_for_locks() == 2

    async with transaction():
        await sessions.issue(ann.id)
        ending = elsewhere(ENDS[end](ann.id, kept))
        await until(someone_waits_for_a_lock, seconds=10)
        coming: asyncio.Task[object] = elsewhere(sessions.rotate(other) if exchange else sessions.issue(ann.id))
        await until(two_wait_for_a_lock, seconds=10)
    await ending
    if exchange and end != "one":
        with pytest.raises(InvalidTokenError):
            await coming
        assert await SessionToken.all().count() == (1 if end == "the others" else 0)
    elif end == "suspended":
        with pytest.raises(AccountSuspendedError):
            await coming
        assert not await SessionToken.exists()
    else:
        await coming
        assert await SessionToken.all().count() == {"one": 3, "the others": 2}.get(end, 1)


@pytest.mark.parametrize("end", ENDS)
async def test_who_inserts_something_of_the_user_s_does_not_hold_up_the_end(ann: User, end: str) -> None:
    token = await new_token(ann)
    async with transaction():
        await activity.record("login", user_id=ann.id)
        async with asyncio.timeout(PATIENCE):
            await elsewhere(ENDS[end](ann.id, token))


async def keep_exchanging(token: str) -> None:
    """Exchange a token again and again, until its session has ended."""
    while True:
        rotated = await sessions.rotate(token)
        token = rotated.token.get_secret_value() if rotated.token else token


async def exchange_all(tokens: list[str]) -> list[str]:
    """Exchange tokens until their sessions have ended, and return how each exchange ended."""
    outcomes = await asyncio.gather(*map(keep_exchanging, tokens), return_exceptions=True)
    return [type(outcome).__name__ for outcome in outcomes]


async def test_of_sessions_exchanged_in_many_processes_only_the_kept_one_survives(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    kept = await new_token(user)
    family = (await sessions.verify(kept)).family_id
    shares = [[await new_token(user) for _ in range(8)] for _ in range(4)]
    processes = [
        asyncio.to_thread(run_in_processes, exchange_all, 1, share, url=fresh_db, connected=True) for share in shares
    ]
    running = asyncio.gather(*processes)

    async def all_are_being_exchanged() -> bool:
        return len({token.family_id for token in await SessionToken.filter(rotated_at__isnull=False)}) == 32

    await until(all_are_being_exchanged)
    await sessions.revoke_all(user.id, except_token=kept)
    assert await running == [[["InvalidTokenError"] * 8]] * 4  # one that slipped through would go on for ever
    assert await families() == {family}
    await sessions.verify(kept)
