"""Local accounts, which have a password."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import threading
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from medianest_models.db.statements import execute, fetch
from medianest_models.enums import UserRole, UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    InvalidTokenError,
    NotFoundError,
    PasswordChangeRequiredError,
)
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import sessions, users
from medianest_models.settings import DatabaseUrl

PASSWORD = "correct horse battery"


async def make_account() -> User:
    await users.bootstrap_admin()
    return await users.change_password("admin", password="admin", new_password=PASSWORD)


async def test_the_first_admin_has_to_change_the_password_before_any_session(db: DatabaseUrl) -> None:
    admin = await users.bootstrap_admin()
    assert admin is not None
    assert (admin.plex_id, admin.plex_username, admin.role) == ("local:admin", "admin", UserRole.ADMIN)
    with pytest.raises(PasswordChangeRequiredError):
        await users.authenticate("admin", password="admin")
    with pytest.raises(PasswordChangeRequiredError):
        await sessions.issue(admin.id)
    assert await users.change_password("admin", password="admin", new_password=PASSWORD) == admin
    signed_in = await users.authenticate("admin", password=SecretStr(PASSWORD))
    assert signed_in == admin
    assert signed_in.last_login_at is not None
    assert (await sessions.issue(admin.id)).session.user_id == admin.id


async def test_a_friend_without_plex_signs_in_by_name(db: DatabaseUrl) -> None:
    friend = await users.create_local("ann", password=PASSWORD)
    assert (friend.plex_id, friend.plex_username, friend.role) == ("local:ann", "ann", UserRole.USER)
    assert await users.authenticate("ann", password=PASSWORD) == friend


async def test_a_local_user_may_have_to_choose_the_password(db: DatabaseUrl) -> None:
    admin = await users.create_local("ann", password=PASSWORD, role="admin", must_change_password=True)
    assert admin.role is UserRole.ADMIN
    with pytest.raises(PasswordChangeRequiredError):
        await users.authenticate("ann", password=PASSWORD)


async def test_a_local_name_is_given_once(db: DatabaseUrl) -> None:
    created = await asyncio.gather(
        *(users.create_local("ann", password=PASSWORD) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in created) == ["ConflictError", "ConflictError", "User"]
    assert await User.all().count() == await LocalCredential.all().count() == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"password": "short"}, "password: must be 12"),
        ({"username": ""}, "username: "),
        ({"username": "a" * 101}, "username: "),
        ({"role": "owner"}, "role: "),
    ],
)
async def test_a_local_user_that_can_t_be_is_not_created(
    db: DatabaseUrl, changed: dict[str, str], message: str
) -> None:
    arguments = {"username": "ann", "password": PASSWORD} | changed
    with pytest.raises(InvalidInputError, match=message):
        await users.create_local(arguments.pop("username"), **arguments)  # type: ignore[arg-type]
    assert not await User.all().exists()


async def test_there_is_one_bootstrap_whoever_came_first_through_plex(db: DatabaseUrl) -> None:
    await users.upsert_from_plex("1", plex_username="ann")
    assert await users.bootstrap_admin() is not None
    assert await users.bootstrap_admin() is None
    assert await User.filter(role="admin").count() == 1


async def test_no_bootstrap_where_there_is_an_admin_from_plex(db: DatabaseUrl) -> None:
    user = await users.upsert_from_plex("1", plex_username="ann")
    await users.set_role(user.id, role=UserRole.ADMIN)
    assert await users.bootstrap_admin() is None
    assert not await LocalCredential.exists()


async def test_the_default_password_is_refused_in_production(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_ENV", "production")
    with pytest.raises(ConfigurationError, match="ADMIN_PASSWORD"):
        await users.bootstrap_admin()
    assert not await User.exists()
    monkeypatch.setenv("ADMIN_USERNAME", "owner")
    monkeypatch.setenv("ADMIN_PASSWORD", "another")
    admin = await users.bootstrap_admin()
    assert admin is not None
    assert admin.plex_id == "local:owner"
    with pytest.raises(PasswordChangeRequiredError):
        await users.authenticate("owner", password="another")


@pytest.mark.parametrize("password", ["x" * 1025, "\udcff"], ids=["too long", "no Unicode"])
async def test_an_admin_password_that_nobody_could_sign_in_with_is_refused(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    with pytest.raises(ConfigurationError, match=r"^ADMIN_PASSWORD: [^\n]*$") as raised:
        await users.bootstrap_admin()
    assert password not in str(raised.value)
    assert not await User.exists()


async def test_the_longest_admin_password_signs_in(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "x" * 1024)
    await users.bootstrap_admin()
    with pytest.raises(PasswordChangeRequiredError):
        await users.authenticate("admin", password="x" * 1024)
    await users.change_password("admin", password="x" * 1024, new_password="y" * 1024)
    await users.authenticate("admin", password="y" * 1024)


@pytest.mark.parametrize(
    ("username", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", PASSWORD), ("", PASSWORD), ("Admin", PASSWORD), ("a\0", PASSWORD),
     ("\ud800", PASSWORD), ("x" * 5000, PASSWORD), ("admin", "\ud800"), ("admin", PASSWORD + "x" * 5000)],
)  # fmt: skip
async def test_wrong_credentials_say_no_more_than_that(db: DatabaseUrl, username: str, password: str) -> None:
    await make_account()
    for attempt in (
        users.authenticate(username, password=password),
        users.change_password(username, password=password, new_password="another password"),
    ):
        with pytest.raises(AuthenticationError, match=r"^The credentials are not valid\.$") as raised:
            await attempt
        assert type(raised.value) is AuthenticationError


async def test_a_password_longer_than_any_is_not_hashed(db: DatabaseUrl) -> None:
    account = await make_account()
    endless = "x" * (users.MAX_PASSWORD_LENGTH + 1)
    credential = await LocalCredential.get(user_id=account.id)
    credential.password_hash = PasswordHasher().hash(endless)
    await credential.save()
    with pytest.raises(AuthenticationError):
        await users.authenticate("admin", password=endless)


async def test_a_suspended_user_can_neither_sign_in_nor_change_the_password(db: DatabaseUrl) -> None:
    account = await make_account()
    await User.filter(id=account.id).update(status=UserStatus.SUSPENDED)
    with pytest.raises(AccountSuspendedError):
        await users.authenticate("admin", password=PASSWORD)
    with pytest.raises(AccountSuspendedError):
        await users.change_password("admin", password=PASSWORD, new_password="another password")
    with pytest.raises(AuthenticationError, match="credentials"):
        await users.authenticate("admin", password="wrong")
    await LocalCredential.all().update(must_change_password=True)
    with pytest.raises(AccountSuspendedError):  # without useless advice
        await users.authenticate("admin", password=PASSWORD)


@pytest.mark.parametrize("new_password", ["", "11 letters.", "x" * 1025, "\udcff" * 12, PASSWORD])
async def test_a_new_password_has_to_be_a_good_one(db: DatabaseUrl, new_password: str) -> None:
    await make_account()
    with pytest.raises(InvalidInputError, match="new_password") as raised:
        await users.change_password("admin", password=PASSWORD, new_password=new_password)
    assert PASSWORD not in str(raised.value)
    await users.authenticate("admin", password=PASSWORD)


async def test_a_new_password_ends_all_sessions(db: DatabaseUrl) -> None:
    account = await make_account()
    issued = await sessions.issue(account.id)
    await users.change_password("admin", password=PASSWORD, new_password="another password")
    with pytest.raises(InvalidTokenError):
        await sessions.verify(issued.token)


async def test_a_password_that_is_set_ends_all_sessions_and_has_to_be_a_good_one(db: DatabaseUrl) -> None:
    account = await make_account()
    await sessions.issue(account.id)
    with pytest.raises(InvalidInputError, match="password: must be 12 to 1024 characters long"):
        await users.set_password(account.id, password="11 letters.")
    assert await SessionToken.exists()
    await users.set_password(str(account.id), password=SecretStr("another password"))
    assert not await SessionToken.exists()
    await users.authenticate("admin", password="another password")


async def test_a_password_is_set_for_those_only_who_have_one(db: DatabaseUrl) -> None:
    user = await users.upsert_from_plex("1", plex_username="ann")
    await sessions.issue(user)
    for user_id in (user.id, uuid4()):
        with pytest.raises(NotFoundError, match=str(user_id)):
            await users.set_password(user_id, password=PASSWORD)
    assert await SessionToken.filter(user_id=user.id).count() == 1


async def test_what_was_verified_is_shown_nowhere_and_is_in_no_pickle(db: DatabaseUrl) -> None:
    await make_account()
    user = await users.authenticate("admin", password=PASSWORD)
    (row,) = await fetch("SELECT password_hash FROM local_credentials")
    pickled = pickle.dumps(user)
    for shown in (
        repr(vars(user)),
        str(dict(user)),
        repr(user.verified_credential),
        json.dumps(vars(user), default=str),
    ):
        assert row["password_hash"] not in shown
    assert row["password_hash"].encode() not in pickled
    with pytest.raises(InvalidInputError, match="pickle"):
        await sessions.issue(pickle.loads(pickled))  # noqa: S301 - our own
    assert (await sessions.issue(user)).session.user_id == user.id


async def test_an_id_proves_no_password(db: DatabaseUrl) -> None:
    await make_account()
    user = await users.authenticate("admin", password=PASSWORD)
    await users.set_password(user.id, password="another password")
    with pytest.raises(AuthenticationError):
        await sessions.issue(user)
    assert (await sessions.issue(user.id)).session.user_id == user.id


async def test_only_an_argon2id_hash_is_stored_and_an_old_one_is_made_anew(db: DatabaseUrl) -> None:
    await make_account()
    (row,) = await fetch("SELECT password_hash FROM local_credentials")
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await execute("UPDATE local_credentials SET password_hash = $1", weak)
    await users.authenticate("admin", password=PASSWORD)
    (row,) = await fetch("SELECT password_hash FROM local_credentials")
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_the_event_loop_goes_on_while_many_sign_in(
    fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_account()
    threads = []

    def verify(self: PasswordHasher, hashed: str, password: str) -> bool:
        threads.append(threading.current_thread())
        return as_it_is(self, hashed, password)

    as_it_is = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert len(await asyncio.gather(*(users.authenticate("admin", password=PASSWORD) for _ in range(4)))) == 4
    assert len(threads) == 4
    assert threading.main_thread() not in threads
    assert len(set(threads)) <= (os.cpu_count() or 1)  # a hash takes 64 MiB
