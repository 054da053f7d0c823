"""Users: found, signed in through Plex, given a role, suspended, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pypika_tortoise.functions import Lower
from pypika_tortoise.terms import ValueWrapper
from tortoise.expressions import Q, ResolveContext
from tortoise.filters import Like, escape_like
from tortoise.query_utils import QueryModifier

from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.enums import UserRole, UserStatus
from medianest_models.errors import AccountSuspendedError, ConflictError, InvalidInputError, NotFoundError
from medianest_models.models import SessionToken, User
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._arguments import as_column, as_secret, as_text, as_uuid

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import SecretStr

_LENGTH: Final = 255  # of plex_id, plex_username and email
_LOCAL: Final = "local:"

# Raw: the ORM takes as long to write it as the database to answer it, and portals ask this with every request.
_FIND_BY_PLEX_ID: Final = "SELECT * FROM users WHERE plex_id = $1"

# Raw: the index is on lower(email), and Tortoise's iexact compares upper().
_FIND_BY_EMAIL: Final = """
SELECT * FROM users WHERE lower(email) = lower($1) ORDER BY status = 'active' DESC, created_at, id LIMIT 1
"""

# Raw: creates or updates in one statement, and not at all where the user is suspended. $5 says whether an email was
# given; NULL for a token leaves the stored one.
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

# Raw: every active admin is locked, always in the same order, so that of two changes at once the second one sees what
# the first one left.
_LOCK_ADMINS: Final = """
SELECT id FROM users WHERE role = 'admin' AND status = 'active' ORDER BY id FOR NO KEY UPDATE
"""

# Raw, these two: an UPDATE that returns the row.
_SET_ROLE: Final = "UPDATE users SET role = $2 WHERE id = $1 RETURNING *"
_SET_STATUS: Final = "UPDATE users SET status = $2 WHERE id = $1 RETURNING *"

# Raw: one statement instead of the ORM's two.
_DELETE: Final = "DELETE FROM users WHERE id = $1"


async def get(user_id: UUID | str) -> User:
    """The user of that id.

    Raises:
        InvalidInputError: `user_id` is no UUID.
        NotFoundError: There is none.
    """
    user = await User.get_or_none(id=as_uuid(user_id, "user_id"))
    if user is None:
        raise _no_such_user(user_id)
    return user


async def find_by_plex_id(plex_id: str) -> User | None:
    """The user of that Plex account.

    Raises:
        InvalidInputError: `plex_id` is empty, too long or no text.
    """
    row = await fetch_one(_FIND_BY_PLEX_ID, as_text(plex_id, "plex_id", max_length=_LENGTH))
    return None if row is None else User.from_row(row)


async def find_by_email(email: str) -> User | None:
    """The user with that email address, however its letters are written.

    Several users may share one address: then it is an active one before a suspended one, and the one who came first.

    Raises:
        InvalidInputError: `email` is empty, too long or no text.
    """
    row = await fetch_one(_FIND_BY_EMAIL, as_text(email, "email", max_length=_LENGTH))
    return None if row is None else User.from_row(row)


async def upsert_from_plex(
    plex_id: str,
    *,
    plex_username: str,
    email: str | None = None,
    plex_token: str | SecretStr | None = None,
) -> User:
    """Signs a user in: creates them at the first time, updates them from then on, and sets `last_login_at`.

    The role and the status stay as they are.

    Args:
        plex_id: The id of the Plex account.
        plex_username: Its name.
        email: Its address; "" when it has none, None to leave the stored one.
        plex_token: Its token, to be encrypted; None to leave the stored one.

    Raises:
        AccountSuspendedError: The user is suspended; nothing was changed.
        InvalidInputError: A value can't be stored, or `plex_id` is that of a local user.
    """
    as_text(plex_id, "plex_id", max_length=_LENGTH)
    if plex_id.startswith(_LOCAL):
        raise InvalidInputError(f"plex_id: begins with {_LOCAL}, which no Plex account does")
    as_text(plex_username, "plex_username", max_length=_LENGTH)
    if plex_token is not None:
        as_text(as_secret(plex_token, "plex_token").get_secret_value(), "plex_token")
    user = User(plex_id=plex_id, plex_username=plex_username, email=email, plex_token=plex_token)
    columns = [
        User._meta.fields_map[name].to_db_value(getattr(user, name), user)
        for name in ("plex_id", "plex_username", "email", "plex_token")
    ]
    row = await fetch_one(_SIGN_IN, *columns, email is not None)
    if row is None:
        raise AccountSuspendedError
    return User.from_row(row)


async def search(
    text: str | None = None,
    *,
    role: UserRole | None = None,
    status: UserStatus | None = None,
    params: PaginationParams | None = None,
) -> PaginatedResult[User]:
    """The users whose Plex name or email address begins with a text, the latest first.

    Args:
        text: How the name or the address begins, however its letters are written; None for all users.
        role: Only users of this role.
        status: Only users of this status.
        params: Which page, and in which order.

    Raises:
        InvalidInputError: `text` is empty or too long, or `role` or `status` is of another enum.
    """
    filters: dict[str, Any] = {}
    if role is not None:
        filters["role"] = as_column(User, "role", role)
    if status is not None:
        filters["status"] = as_column(User, "status", status)
    users = User.filter(**filters)
    if text is not None:
        users = users.filter(_BeginsWith(as_text(text, "text", max_length=_LENGTH)))
    return await paginate(users, params)


async def set_role(user_id: UUID | str, *, role: UserRole) -> User:
    """Makes a user an admin, or takes that from them.

    Raises:
        ConflictError: The user is the last active admin.
        InvalidInputError: `user_id` is no UUID, or `role` is of another enum.
        NotFoundError: There is no such user.
    """
    user_id = as_uuid(user_id, "user_id")
    value = as_column(User, "role", role)
    async with transaction():
        if value != UserRole.ADMIN:
            await _keep_an_admin(user_id)
        return await _updated(_SET_ROLE, user_id, value)


async def suspend(user_id: UUID | str) -> User:
    """Keeps a user from signing in, and ends all their sessions.

    Raises:
        ConflictError: The user is the last active admin.
        InvalidInputError: `user_id` is no UUID.
        NotFoundError: There is no such user.
    """
    user_id = as_uuid(user_id, "user_id")
    async with transaction():
        await _keep_an_admin(user_id)
        user = await _updated(_SET_STATUS, user_id, UserStatus.SUSPENDED)
        # A statement of its own: it sees the session of a sign-in that the UPDATE has waited for.
        await SessionToken.filter(user_id=user_id).delete()
    return user


async def reinstate(user_id: UUID | str) -> User:
    """Lets a suspended user sign in again.

    Raises:
        InvalidInputError: `user_id` is no UUID.
        NotFoundError: There is no such user.
    """
    return await _updated(_SET_STATUS, as_uuid(user_id, "user_id"), UserStatus.ACTIVE)


async def delete(user_id: UUID | str) -> None:
    """Deletes a user with all that is theirs; the log of what they did stays, without their name.

    Raises:
        ConflictError: The user is the last active admin.
        InvalidInputError: `user_id` is no UUID.
        NotFoundError: There is no such user.
    """
    user_id = as_uuid(user_id, "user_id")
    async with transaction():
        await _keep_an_admin(user_id)
        if not await execute(_DELETE, user_id):
            raise _no_such_user(user_id)


async def _keep_an_admin(user_id: UUID) -> None:
    """Refuses to go on when the user is the only active admin; until the transaction ends, no other one can change.

    Raises:
        ConflictError: They are.
    """
    admins = await fetch(_LOCK_ADMINS)
    if [admin["id"] for admin in admins] == [user_id]:
        raise ConflictError("this is the last active admin: make another user an admin first")


async def _updated(sql: str, user_id: UUID, value: str) -> User:
    row = await fetch_one(sql, user_id, value)
    if row is None:
        raise _no_such_user(user_id)
    return User.from_row(row)


def _no_such_user(user_id: UUID | str) -> NotFoundError:
    return NotFoundError(f"there is no user {user_id}")


class _BeginsWith(Q):
    """Where lower(plex_username) or lower(email) begins with a text: Tortoise's istartswith compares upper()."""

    __slots__ = ("pattern",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pattern = f"{escape_like(text)}%"

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        """The condition, in which the database makes the letters small on both sides."""
        pattern = Lower(ValueWrapper(self.pattern))
        name, email = (Lower(resolve_context.table[column]) for column in ("plex_username", "email"))
        return QueryModifier(where_criterion=Like(name, pattern) | Like(email, pattern))
