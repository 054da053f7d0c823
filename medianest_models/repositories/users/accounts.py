"""Users: finding them, and their accounts, signed in through Plex, given a role, suspended, deleted."""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import UUID

from asyncpg import Record
from pydantic import BaseModel, SecretStr
from pypika_tortoise.functions import Lower
from pypika_tortoise.terms import ValueWrapper
from tortoise.expressions import Q, ResolveContext
from tortoise.filters import Like, escape_like
from tortoise.query_utils import QueryModifier
from typing_extensions import TypeVar

from medianest_models.checks import as_secret, as_text, as_uuid
from medianest_models.db.data_loader import DataLoader
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.enums import UserRole, UserStatus
from medianest_models.errors import AccountSuspendedError, ConflictError, InvalidInputError, NotFoundError
from medianest_models.models import User
from medianest_models.models.columns import as_column, stored_value
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories.sessions import revoke_all

UserT = TypeVar("UserT", bound=BaseModel | User, default=User)

_LENGTH: Final = 255
"""The most characters of a plex_id, a plex_username and an email."""

# Raw: the ORM takes as long to write it as the database to answer it, and portals ask this with every request. The
# array is a SELECT, because PostgreSQL would plan anew for each array's length.
_FIND_BY_PLEX_ID: Final = "SELECT * FROM users WHERE plex_id = $1"
_FIND_BY_PLEX_IDS: Final = "SELECT * FROM users WHERE plex_id = ANY ((SELECT $1::text[])::text[])"

# Raw: the index is on lower(email), and Tortoise's iexact compares upper().
_FIND_BY_EMAIL: Final = """
SELECT * FROM users WHERE lower(email) = lower($1) ORDER BY status = 'active' DESC, created_at, id LIMIT 1
"""

# Raw: one statement creates or updates, but does nothing if the user is suspended. $5 tells whether an email was given;
# a NULL token leaves the stored one.
_SIGN_IN: Final = """
INSERT INTO users AS u (plex_id, plex_username, email, plex_token, last_login_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (plex_id) DO UPDATE SET
    plex_username = EXCLUDED.plex_username,
    email = CASE WHEN $5::boolean THEN EXCLUDED.email ELSE u.email END,
    plex_token = COALESCE(EXCLUDED.plex_token, u.plex_token),
    last_login_at = EXCLUDED.last_login_at
WHERE u.status = 'active'
RETURNING *
"""

# Raw: it locks all active admins, always in the same order, so that the second of two concurrent changes sees the
# result of the first.
_LOCK_ADMINS: Final = """
SELECT id FROM users WHERE role = 'admin' AND status = 'active' ORDER BY id FOR NO KEY UPDATE
"""


async def get(user_id: UUID | str) -> User:
    """Get the user of that id.

    Raises:
        NotFoundError: There is none.
    """
    user = await User.get_or_none(id=as_uuid(user_id, "user_id"))
    if user is None:
        raise _no_such_user(user_id)
    return user


async def find_by_plex_id(plex_id: str) -> User | None:
    """Find the user of that Plex account."""
    row = await _row_by_plex_id(as_text(plex_id, "plex_id", max_length=_LENGTH))
    return None if row is None else User.from_row(row)


async def find_by_email(email: str) -> User | None:
    """Find the user with that email address, however its letters are written.

    Several users may share one address: then it is an active one before a suspended one, and the one who came first.
    """
    row = await fetch_one(_FIND_BY_EMAIL, as_text(email, "email", max_length=_LENGTH))
    return None if row is None else User.from_row(row)


async def search(
    text: str | None = None,
    *,
    role: UserRole | None = None,
    status: UserStatus | None = None,
    params: PaginationParams | None = None,
    schema: type[UserT] | None = None,
) -> PaginatedResult[UserT]:
    """List a page of the users whose Plex name or email address begins with a text, however its letters are written.

    Without a text, a role or a status these are all.
    """
    users = User.all()
    if role is not None:
        users = users.filter(role=as_column(User, "role", role))
    if status is not None:
        users = users.filter(status=as_column(User, "status", status))
    if text is not None:
        users = users.filter(_BeginsWith(as_text(text, "text", max_length=_LENGTH)))
    return await paginate(users, params, schema=schema)


@on_primary
async def upsert_from_plex(
    plex_id: str,
    *,
    plex_username: str,
    email: str | None = None,
    plex_token: str | SecretStr | None = None,
) -> User:
    """Sign a user in: create the user the first time, update the user later, and set `last_login_at`.

    The role and the status stay as they are.

    Args:
        plex_id: The id of the Plex account.
        plex_username: Its name.
        email: Its email address; "" if it has none, None to leave the stored one.
        plex_token: Its token, to be encrypted; None to leave the stored one.

    Raises:
        AccountSuspendedError: The user is suspended; nothing was changed.
        InvalidInputError: `plex_id` is that of a local user.
    """
    as_text(plex_id, "plex_id", max_length=_LENGTH)
    if plex_id.startswith("local:"):
        raise InvalidInputError("plex_id: begins with local:, which no Plex account does")
    as_text(plex_username, "plex_username", max_length=_LENGTH)
    if plex_token is not None:
        as_text(as_secret(plex_token, "plex_token").get_secret_value(), "plex_token")
    user = User(plex_id=plex_id, plex_username=plex_username, email=email, plex_token=plex_token)
    columns = [stored_value(user, name) for name in ("plex_id", "plex_username", "email", "plex_token")]
    row = await fetch_one(_SIGN_IN, *columns, email is not None)
    if row is None:
        raise AccountSuspendedError
    return User.from_row(row)


async def set_role(user_id: UUID | str, *, role: UserRole) -> User:
    """Change the role of a user.

    Raises:
        ConflictError: The user is the last active admin.
        NotFoundError: There is no such user.
    """
    user_id = as_uuid(user_id, "user_id")
    value = as_column(User, "role", role)
    async with transaction():
        if value != UserRole.ADMIN:
            await _keep_an_admin(user_id)
        return await _updated(user_id, "role", value)


async def suspend(user_id: UUID | str) -> User:
    """Keep a user from signing in, and end all their sessions; raises what `set_role` and `revoke_all` raise."""
    user_id = as_uuid(user_id, "user_id")
    async with transaction():
        await _keep_an_admin(user_id)
        user = await _updated(user_id, "status", UserStatus.SUSPENDED)
        await revoke_all(user_id)
    return user


async def reinstate(user_id: UUID | str) -> User:
    """Let a suspended user sign in again.

    Raises:
        NotFoundError: There is no such user.
    """
    return await _updated(as_uuid(user_id, "user_id"), "status", UserStatus.ACTIVE)


async def delete(user_id: UUID | str) -> None:
    """Delete a user with all their rows, except for their entries in the activity log, which lose the user.

    A media request that somebody follows passes to its first follower.

    It raises what `set_role` raises.
    """
    user_id = as_uuid(user_id, "user_id")
    async with transaction():
        await _keep_an_admin(user_id)
        if not await execute("DELETE FROM users WHERE id = $1", user_id):
            raise _no_such_user(user_id)


async def _keep_an_admin(user_id: UUID) -> None:
    """Raise an error if the user is the only active admin; lock all active admins until the transaction ends."""
    admins = await fetch(_LOCK_ADMINS)
    if [admin["id"] for admin in admins] == [user_id]:
        raise ConflictError("this is the last active admin: make another user an admin first")


async def _updated(user_id: UUID, column: str, value: str) -> User:
    # Raw: an UPDATE that returns the row.
    row = await fetch_one(f"UPDATE users SET {column} = $2 WHERE id = $1 RETURNING *", user_id, value)  # noqa: S608 - a name from this module
    if row is None:
        raise _no_such_user(user_id)
    return User.from_row(row)


def _no_such_user(user_id: UUID | str) -> NotFoundError:
    """Make the error for an id that no user has."""
    return NotFoundError(f"there is no user {user_id}")


async def _by_plex_ids(plex_ids: list[str]) -> list[Record | None]:
    rows = {row["plex_id"]: row for row in await fetch(_FIND_BY_PLEX_IDS, plex_ids)}
    return [rows.get(plex_id) for plex_id in plex_ids]


_row_by_plex_id: Final = DataLoader(partial(fetch_one, _FIND_BY_PLEX_ID), _by_plex_ids)


class _BeginsWith(Q):
    """The condition that a name or an address begins with a text, in lower(): Tortoise's istartswith takes upper()."""

    __slots__ = ("pattern",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pattern = f"{escape_like(text)}%"

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        """Compare both sides in the small letters that the database makes of them."""
        pattern = Lower(ValueWrapper(self.pattern))
        name, email = (Lower(resolve_context.table[column]) for column in ("plex_username", "email"))
        return QueryModifier(where_criterion=Like(name, pattern) | Like(email, pattern))
