"""Remember-me sessions, also where many are made, used and ended at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from medianest_models.db import transaction, with_transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.encryption.passwords import hash_password
from medianest_models.encryption.stored_secrets import hash_token
from medianest_models.enums import UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    InvalidTokenError,
    NotFoundError,
    PasswordChangeRequiredError,
    TokenReuseError,
)
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import sessions, system_config, users
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes


async def make_user(**values: Any) -> User:
    user = User(**{"plex_id": "1", "plex_username": "ann", "plex_token": "plex"} | values)
    await user.save()
    return user


def lasts_for(session: SessionToken, duration: timedelta) -> bool:
    return abs(session.expires_at - session.created_at - duration) < timedelta(minutes=1)


async def age(column: str, by: timedelta) -> None:
    await execute(f"UPDATE session_tokens SET {column} = {column} - $1::interval", by)


async def test_issue_stores_a_hash_and_what_is_known_of_the_client(db: DatabaseUrl) -> None:
    user = await make_user()
    issued = await sessions.issue(user.id, device_fingerprint="f", ip_address="10.0.0.1", user_agent="Firefox")
    raw = issued.token.get_secret_value()
    (row,) = await fetch("SELECT * FROM session_tokens")
    assert row["token_hash"] == hash_token(raw)
    assert (row["device_fingerprint"], row["ip_address"], row["user_agent"]) == ("f", "10.0.0.1", "Firefox")
    assert row["id"] == issued.session.id
    assert raw not in str(dict(row)) + repr(issued)
    assert lasts_for(issued.session, timedelta(days=90))


@pytest.mark.parametrize(
    "days", ['"abc"', '"30"', "30.5", "1e9", "1e400", "3000000", "36501", "0", "-5", "null", "[30]", "{}"]
)
async def test_a_setting_that_is_no_number_of_days_is_named(db: DatabaseUrl, days: str) -> None:
    user = await make_user()
    issued = await sessions.issue(user.id)
    await execute(
        "INSERT INTO system_config (key, value) VALUES ('session.remember_me_days', $1::jsonb)", f'{{"days": {days}}}'
    )
    for _ in range(2):  # nothing failed that would abort the transaction
        with pytest.raises(ConfigurationError, match=r"^the setting session\.remember_me_days in system_config must"):
            await sessions.issue(user.id)
        with pytest.raises(ConfigurationError, match=r"^the setting session\.remember_me_days in system_config must"):
            await sessions.rotate(issued.token)
    assert (await sessions.verify(issued.token)).rotated_at is None
    assert await SessionToken.all().count() == 1
    with pytest.raises(InvalidTokenError):
        await sessions.rotate("of nobody")


async def test_a_day_of_a_session_has_24_hours_over_a_clock_change_too(db: DatabaseUrl) -> None:
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    days = next(n for n in range(1, 366) if (now + timedelta(days=n)).utcoffset() != now.utcoffset())
    await system_config.set("session.remember_me_days", value={"days": days})
    await execute("SET LOCAL TIME ZONE 'Europe/Berlin'")
    issued = await sessions.issue((await make_user()).id)
    for session in (issued.session, (await sessions.rotate(issued.token)).session):
        assert lasts_for(session, timedelta(days=days))


async def test_issue_refuses_who_may_not_have_a_session(db: DatabaseUrl) -> None:
    with pytest.raises(NotFoundError):
        await sessions.issue(uuid4())
    with pytest.raises(InvalidInputError, match="user_id"):
        await sessions.issue("nobody")
    suspended = await make_user(plex_id="2", status=UserStatus.SUSPENDED)
    with pytest.raises(AccountSuspendedError):
        await sessions.issue(suspended.id)
    local = await make_user(plex_id="local:admin")
    await LocalCredential.create(user=local, username="admin", password_hash="x", must_change_password=True)
    with pytest.raises(PasswordChangeRequiredError):
        await sessions.issue(local.id)
    with pytest.raises(InvalidInputError, match="ip_address"):
        await sessions.issue(local.id, ip_address="1" * 46)
    assert not await SessionToken.exists()


async def test_verify_gives_the_session_with_its_user(db: DatabaseUrl) -> None:
    user = await make_user()
    issued = await sessions.issue(user.id)
    for token in (issued.token, issued.token.get_secret_value()):
        session = await sessions.verify(token)
        assert session == issued.session
        assert session.user == user
        assert session.user.plex_token is not None
        assert session.user.plex_token.get_secret_value() == "plex"


async def test_verify_notes_the_use_once_a_minute(db: DatabaseUrl) -> None:
    issued = await sessions.issue((await make_user()).id)
    first = await sessions.verify(issued.token)
    assert first.last_used_at is not None
    assert (await SessionToken.get(id=first.id)).last_used_at == first.last_used_at
    assert (await sessions.verify(issued.token)).last_used_at == first.last_used_at
    await age("last_used_at", timedelta(seconds=61))
    later = (await sessions.verify(issued.token)).last_used_at
    assert later is not None
    assert later > first.last_used_at - timedelta(seconds=1)


async def test_verify_waits_for_nobody_who_holds_the_row(fresh_db: DatabaseUrl) -> None:
    issued = await sessions.issue((await make_user()).id)
    async with transaction():
        await execute("UPDATE session_tokens SET user_agent = 'x'")
        async with asyncio.timeout(30):
            assert (await elsewhere(sessions.verify(issued.token))).last_used_at is None


async def test_verify_refuses_what_is_unknown_expired_or_suspended(db: DatabaseUrl) -> None:
    user = await make_user()
    issued = await sessions.issue(user.id)
    for unknown in ("", "x", "\0", "\ud800", issued.token.get_secret_value() + "x"):
        with pytest.raises(InvalidTokenError):
            await sessions.verify(unknown)
    await User.filter(id=user.id).update(status=UserStatus.SUSPENDED)
    with pytest.raises(AccountSuspendedError):
        await sessions.verify(issued.token)
    with pytest.raises(AccountSuspendedError):
        await sessions.rotate(issued.token)
    await User.filter(id=user.id).update(status=UserStatus.ACTIVE)
    await age("expires_at", timedelta(days=90))
    for use in (sessions.verify, sessions.rotate):
        with pytest.raises(InvalidTokenError):
            await use(issued.token)
    assert (await SessionToken.get()).last_used_at is None  # it does not record a rejected use


async def test_verify_is_one_statement(db: DatabaseUrl, caplog: pytest.LogCaptureFixture) -> None:
    issued = await sessions.issue((await make_user()).id)
    with caplog.at_level(logging.DEBUG, logger="medianest_models.query"):
        await sessions.verify(issued.token)
    assert len([record for record in caplog.records if record.name == "medianest_models.query"]) == 1


async def test_rotate_exchanges_a_token_once(db: DatabaseUrl) -> None:
    issued = await sessions.issue((await make_user()).id, device_fingerprint="f", ip_address="10.0.0.1")
    rotated = await sessions.rotate(issued.token, user_agent="Chrome")
    assert rotated.token is not None
    assert rotated.token != issued.token
    assert rotated.session.family_id == issued.session.family_id
    assert (rotated.session.device_fingerprint, rotated.session.ip_address) == ("f", "10.0.0.1")
    assert rotated.session.user_agent == "Chrome"
    assert await sessions.verify(rotated.token) == rotated.session


async def test_for_a_grace_the_old_token_is_good_and_gets_no_new_one(db: DatabaseUrl) -> None:
    issued = await sessions.issue((await make_user()).id)
    await sessions.rotate(issued.token)
    again = await sessions.rotate(issued.token)
    assert again.token is None
    assert again.session == issued.session
    assert await sessions.verify(issued.token) == issued.session


async def test_a_replay_after_the_grace_revokes_the_family_and_nobody_elses(db: DatabaseUrl) -> None:
    user = await make_user()
    issued, other = await sessions.issue(user.id), await sessions.issue(user.id)
    rotated = await sessions.rotate(issued.token)
    assert rotated.token is not None
    await age("rotated_at", sessions.ROTATION_GRACE)
    with pytest.raises(InvalidTokenError):
        await sessions.verify(issued.token)
    with pytest.raises(TokenReuseError):
        await sessions.rotate(issued.token)
    for token in (issued.token, rotated.token):
        with pytest.raises(InvalidTokenError):
            await sessions.verify(token)
    assert await sessions.verify(other.token) == other.session


async def test_revoke_ends_the_family(db: DatabaseUrl) -> None:
    user = await make_user()
    issued, other = await sessions.issue(user.id), await sessions.issue(user.id)
    rotated = await sessions.rotate(issued.token)
    assert await sessions.revoke(issued.token)
    assert not await sessions.revoke(issued.token)
    assert rotated.token is not None
    with pytest.raises(InvalidTokenError):
        await sessions.verify(rotated.token)
    assert await sessions.revoke_all(user.id) == 1
    with pytest.raises(InvalidTokenError):
        await sessions.verify(other.token)
    with pytest.raises(NotFoundError):
        await sessions.revoke_all(uuid4())


async def test_revoke_session_ends_the_family_of_any_of_its_tokens(db: DatabaseUrl) -> None:
    user, other = await make_user(), await make_user(plex_id="2")
    issued, kept = await sessions.issue(user.id), await sessions.issue(user.id)
    await sessions.rotate(issued.token)
    before = await SessionToken.all().order_by("id")
    with pytest.raises(NotFoundError, match=f"user {other.id} has no session {issued.session.id}"):
        await sessions.revoke_session(issued.session.id, user_id=other.id)
    assert await SessionToken.all().order_by("id") == before
    await sessions.revoke_session(str(issued.session.id), user_id=str(user.id))
    with pytest.raises(NotFoundError):
        await sessions.revoke_session(issued.session.id, user_id=user.id)
    assert await SessionToken.all() == [kept.session]


async def test_list_for_user_shows_running_sessions_without_their_hashes(db: DatabaseUrl) -> None:
    user, other = await make_user(), await make_user(plex_id="2")
    issued, expired = await sessions.issue(user.id), await sessions.issue(user.id)
    await sessions.issue(other.id)
    await SessionToken.filter(id=expired.session.id).update(expires_at=datetime.now(UTC) - timedelta(days=1))
    rotated = await sessions.rotate(issued.token)
    page = await sessions.list_for_user(user.id)
    assert page.data == [rotated.session]
    assert not hasattr(page.data[0], "token_hash")


# Many at once


PASSWORD = "correct horse battery"


async def make_account() -> User:
    user = await make_user(plex_id="local:ann")
    await LocalCredential.create(user=user, username="ann", password_hash=await hash_password(SecretStr(PASSWORD)))
    return user


ENDINGS: dict[str, Callable[[User], Awaitable[object]]] = {
    "revoking": lambda user: sessions.revoke_all(user.id),
    "suspending": lambda user: users.suspend(user.id),
    "a new password": lambda _: users.change_password("ann", password=PASSWORD, new_password="another password"),
    "another's new password": lambda user: users.set_password(user.id, password="another password"),
}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
async def test_sessions_cant_be_ended_on_an_old_snapshot(fresh_db: DatabaseUrl, end: Any, isolation: Any) -> None:
    user = await make_account()

    async def begin_and_end() -> sessions.IssuedSession:
        await users.get(user.id)  # the snapshot
        issued = await elsewhere(sessions.issue(user.id))
        await end(user)
        return issued

    with pytest.raises(InvalidInputError, match=f"can't be read committed: the one around it is {isolation}"):
        await with_transaction(begin_and_end, isolation=isolation)
    assert (await users.get(user.id)).is_active
    await users.authenticate("ann", password=PASSWORD)
    issued = await with_transaction(begin_and_end)
    with pytest.raises(AuthenticationError):
        await sessions.verify(issued.token)


@pytest.mark.parametrize("by", ["token", "id"])
async def test_a_family_cant_be_ended_on_an_old_snapshot(fresh_db: DatabaseUrl, by: str) -> None:
    user = await make_account()
    issued = await sessions.issue(user.id)

    async def exchange_and_end() -> None:
        await users.get(user.id)
        await elsewhere(sessions.rotate(issued.token))
        if by == "token":
            await sessions.revoke(issued.token)
        else:
            await sessions.revoke_session(issued.session.id, user_id=user.id)

    with pytest.raises(InvalidInputError, match="can't be read committed"):
        await with_transaction(exchange_and_end, isolation="repeatable read")


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("way", ["issued", "exchanged"])
async def test_no_session_that_is_being_made_outlives_the_end_of_all(fresh_db: DatabaseUrl, end: Any, way: str) -> None:
    user = await make_account()
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
        await ending
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
