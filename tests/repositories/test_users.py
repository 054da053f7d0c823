"""Users, also where many workers change them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from medianest_models.db import database, transaction
from medianest_models.db.statements import fetch
from medianest_models.enums import RequestStatus, UserRole, UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from medianest_models.models import ActivityLog, MediaRequest, SessionToken, User
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.wrong_arguments import wrong

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def make(plex_id: str = "1", **columns: Any) -> User:
    return await User.create(plex_id=plex_id, **{"plex_username": f"Name {plex_id}", **columns})


async def stored(user: User) -> dict[str, Any]:
    (row,) = await fetch("SELECT * FROM users WHERE id = $1", user.id)
    return dict(row)


async def open_session(user: User) -> None:
    await SessionToken.create(user=user, token_hash=uuid4().hex, expires_at=NOON)


# Finding


async def test_find_by_email_in_any_case(db: DatabaseUrl) -> None:
    user = await make(email="Jo@Example.org", plex_token="t")
    await make("2", email="jo@example.orga")
    found = await users.find_by_email("jO@exAMple.org")
    assert found == user
    assert found is not None
    assert found.email == "Jo@Example.org"
    assert found.plex_token == SecretStr("t")
    assert await users.find_by_email("%@example.org") is None


async def test_of_users_with_one_email_the_oldest_active_one_is_found(db: DatabaseUrl) -> None:
    made = [
        await make(plex_id, email="jo@example.org", status=status, created_at=NOON + timedelta(days=days))
        for plex_id, status, days in [("1", "active", 3), ("2", "active", 2), ("3", "suspended", 1), ("4", "active", 2)]
    ]
    assert await users.find_by_email("JO@example.org") == min(made[1], made[3], key=lambda user: user.id)


async def test_a_suspended_user_is_found_by_email_when_there_is_no_other(db: DatabaseUrl) -> None:
    user = await make(email="jo@example.org", status=UserStatus.SUSPENDED)
    assert await users.find_by_email("jo@example.org") == user


@pytest.mark.parametrize("text", ["", None, 7, "a\0b", "x" * 256, "\ud800"])
async def test_what_can_be_no_key_is_refused(db: DatabaseUrl, text: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^plex_id: "):
        await users.find_by_plex_id(text)
    with pytest.raises(InvalidInputError, match=r"^email: "):
        await users.find_by_email(text)


BY_ID: list[Any] = [
    users.get,
    users.suspend,
    users.reinstate,
    users.delete,
    lambda user_id: users.set_role(user_id, role=UserRole.USER),
    lambda user_id: users.set_role(user_id, role=UserRole.ADMIN),
]


@pytest.mark.parametrize("call", BY_ID)
async def test_an_unknown_id_is_not_found(db: DatabaseUrl, call: Any) -> None:
    await make(role=UserRole.ADMIN)
    user_id = uuid4()
    with pytest.raises(NotFoundError, match=f"there is no user {user_id}"):
        await call(user_id)


@pytest.mark.parametrize("call", BY_ID)
@pytest.mark.parametrize("user_id", ["", "nope", None, 7])
async def test_what_is_no_id_is_refused(db: DatabaseUrl, call: Any, user_id: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^user_id: "):
        await call(user_id)


# Signing in


async def test_the_first_sign_in_creates_the_user(db: DatabaseUrl) -> None:
    user = await users.upsert_from_plex("1", plex_username="Jo", email="jo@example.org", plex_token="secret")
    row = await stored(user)
    assert (user.plex_id, user.plex_username, user.email) == ("1", "Jo", "jo@example.org")
    assert (user.role, user.status) == (UserRole.USER, UserStatus.ACTIVE)
    assert user.last_login_at == row["last_login_at"] == row["created_at"]
    assert "secret" not in row["plex_token"]
    for found in (user, await users.get(user.id)):
        assert found.plex_token == SecretStr("secret")


async def test_the_next_sign_in_updates_the_user(db: DatabaseUrl) -> None:
    first = await make(
        email="old@example.org", plex_token="old", role=UserRole.ADMIN, last_login_at=NOON, created_at=NOON
    )
    user = await users.upsert_from_plex("1", plex_username="New", email="new@example.org", plex_token=SecretStr("new"))
    row = await stored(user)
    assert user.id == first.id
    assert (user.plex_username, user.email, user.plex_token) == ("New", "new@example.org", SecretStr("new"))
    assert (user.role, user.created_at) == (UserRole.ADMIN, NOON)
    assert user.last_login_at == row["last_login_at"] != NOON
    assert (await users.get(user.id)).plex_token == SecretStr("new")


async def test_what_a_sign_in_does_not_give_stays(db: DatabaseUrl) -> None:
    await make(email="jo@example.org", plex_token="secret")
    user = await users.upsert_from_plex("1", plex_username="Jo")
    assert (user.email, user.plex_token) == ("jo@example.org", SecretStr("secret"))


async def test_an_empty_email_is_none(db: DatabaseUrl) -> None:
    assert (await users.upsert_from_plex("2", plex_username="Jo", email="")).email is None
    await make(email="jo@example.org")
    user = await users.upsert_from_plex("1", plex_username="Jo", email="")
    assert (await stored(user))["email"] is None


async def test_a_suspended_user_can_not_sign_in(db: DatabaseUrl) -> None:
    user = await make(status=UserStatus.SUSPENDED, plex_token="old")
    before = await stored(user)
    with pytest.raises(AccountSuspendedError):
        await users.upsert_from_plex("1", plex_username="New", email="new@example.org", plex_token="new")
    assert await stored(user) == before


@wrong(
    plex_id=["", "x" * 256, None, "local:admin"],
    plex_username=["", "x" * 256, "a\0b"],
    email=["x" * 256, "a\0b", 7],
    plex_token=["", SecretStr("")],
)
async def test_a_sign_in_with_what_can_not_be_stored_is_refused(db: DatabaseUrl, name: str, value: Any) -> None:
    await make("local:admin")
    arguments = {"plex_id": "1", "plex_username": "Jo", "email": "jo@example.org", "plex_token": "t", name: value}
    with pytest.raises(InvalidInputError, match=name):
        await users.upsert_from_plex(**arguments)
    assert await User.all().values_list("plex_id", "last_login_at") == [("local:admin", None)]


# Searching


async def found(text: str | None = None, **arguments: Any) -> set[str]:
    return {user.plex_id for user in (await users.search(text, **arguments)).data}


async def test_search_by_the_beginning_of_name_or_email(db: DatabaseUrl) -> None:
    await make("1", plex_username="Joanna")
    await make("2", plex_username="x", email="jo@example.org")
    await make("3", plex_username="Banjo", email="banjo@example.org")
    assert await found("jo") == {"1", "2"}
    assert await found("JOA") == {"1"}
    assert await found("joannas") == set()
    assert await found() == {"1", "2", "3"}


@pytest.mark.parametrize("text", ["50%", "a_b", "a\\b", "a\\", "%", "_", "'", '"'])
async def test_search_takes_every_character_for_itself(db: DatabaseUrl, text: str) -> None:
    await make("1", plex_username=f"{text} and more")
    await make("2", plex_username="50 axb a\\\\b anything")
    assert await found(text) == {"1"}


async def test_search_makes_letters_small_as_the_index_does(db: DatabaseUrl) -> None:
    await make("1", plex_username="ΟΔΥΣΣΕΥΣ", email="ΟΔΥΣ@example.org")  # Python's "ΟΔΥΣ".lower() ends in another sigma
    assert await found("ΟΔΥΣ") == {"1"}
    assert await found("ΟΔΥΣ@") == {"1"}


async def test_search_by_role_and_status(db: DatabaseUrl) -> None:
    await make("1", role=UserRole.ADMIN)
    await make("2", role=UserRole.ADMIN, status=UserStatus.SUSPENDED)
    await make("3", status=UserStatus.SUSPENDED)
    await make("4", plex_username="other", status=UserStatus.SUSPENDED)
    assert await found(role=UserRole.ADMIN) == {"1", "2"}
    assert await found(status=UserStatus.SUSPENDED) == {"2", "3", "4"}
    assert await found("name", role=UserRole.USER, status=UserStatus.SUSPENDED) == {"3"}


async def test_search_in_pages(db: DatabaseUrl) -> None:
    for number in range(5):
        await make(str(number), created_at=NOON + timedelta(days=number))
    page = await users.search("name", params=PaginationParams(page=2, limit=2))
    assert [user.plex_id for user in page.data] == ["2", "1"]
    assert page.pagination.total == 5
    page = await users.search(params=PaginationParams(limit=2, sort_by="plex_username", sort_order="asc"))
    assert [user.plex_id for user in page.data] == ["0", "1"]


@wrong(text=["", "a\0b", "x" * 256], role=["root", UserStatus.ACTIVE], status=[RequestStatus.FAILED])
async def test_search_refuses_what_it_can_not_find(db: DatabaseUrl, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await users.search(**{name: value})


# Changing


async def test_set_role(db: DatabaseUrl) -> None:
    user = await make(plex_token="t")
    changed = await users.set_role(user.id, role=UserRole.ADMIN)
    assert changed.role is UserRole.ADMIN
    assert changed.plex_token == SecretStr("t")
    await make("2", role=UserRole.ADMIN)
    changed = await users.set_role(str(user.id), role=UserRole.USER)
    assert changed.role is (await users.get(user.id)).role is UserRole.USER


@pytest.mark.parametrize("role", [None, "root", UserStatus.ACTIVE, 7])
async def test_set_role_refuses_what_is_no_role(db: DatabaseUrl, role: Any) -> None:
    user = await make()
    with pytest.raises(InvalidInputError, match="role"):
        await users.set_role(user.id, role=role)


async def test_suspend_ends_the_sessions_of_that_user(db: DatabaseUrl) -> None:
    user, other = await make(), await make("2")
    for owner in (user, user, other):
        await open_session(owner)
    suspended = await users.suspend(user.id)
    assert suspended.status is (await users.get(user.id)).status is UserStatus.SUSPENDED
    assert await SessionToken.all().values_list("user_id", flat=True) == [other.id]
    assert (await users.suspend(user.id)).status is UserStatus.SUSPENDED


async def test_reinstate(db: DatabaseUrl) -> None:
    user = await make(status=UserStatus.SUSPENDED)
    reinstated = await users.reinstate(user.id)
    assert reinstated.status is (await users.get(user.id)).status is UserStatus.ACTIVE


async def test_delete_takes_what_is_theirs_and_leaves_the_log(db: DatabaseUrl) -> None:
    user, other = await make(), await make("2")
    for owner in (user, other):
        await open_session(owner)
        await MediaRequest.create(user=owner, title="T", media_type="movie")
        await ActivityLog.create(user=owner, action="a")
    await users.delete(user.id)
    assert await User.all() == [other]
    assert await SessionToken.all().values_list("user_id", flat=True) == [other.id]
    assert await MediaRequest.all().values_list("user_id", flat=True) == [other.id]
    assert set(await ActivityLog.all().values_list("user_id", flat=True)) == {None, other.id}
    with pytest.raises(NotFoundError):
        await users.delete(user.id)


LOSSES: list[Any] = [users.suspend, users.delete, lambda user_id: users.set_role(user_id, role=UserRole.USER)]


@pytest.mark.parametrize("lose", LOSSES)
async def test_the_last_active_admin_stays(db: DatabaseUrl, lose: Any) -> None:
    admin = await make(role=UserRole.ADMIN)
    await make("2", role=UserRole.ADMIN, status=UserStatus.SUSPENDED)
    await make("3")
    await open_session(admin)
    with pytest.raises(ConflictError, match="last active admin"):
        await lose(admin.id)
    assert (await users.get(admin.id)).is_admin
    assert (await users.get(admin.id)).is_active
    assert await SessionToken.all().count() == 1


@pytest.mark.parametrize("lose", LOSSES)
async def test_other_than_the_last_active_admin_may_go(db: DatabaseUrl, lose: Any) -> None:
    await make(role=UserRole.ADMIN)
    for plex_id, role, status in [
        ("2", UserRole.ADMIN, UserStatus.ACTIVE),
        ("3", UserRole.ADMIN, UserStatus.SUSPENDED),
        ("4", UserRole.USER, UserStatus.ACTIVE),
    ]:
        await lose((await make(plex_id, role=role, status=status)).id)
    (left,) = await User.filter(role=UserRole.ADMIN, status=UserStatus.ACTIVE)
    assert left.plex_id == "1"


# Many at once


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
