"""Look users up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from pypika_tortoise.functions import Lower
from pypika_tortoise.terms import ValueWrapper
from tortoise.expressions import Q, ResolveContext
from tortoise.filters import Like, escape_like
from tortoise.query_utils import QueryModifier

from medianest_models.checks import as_text, as_uuid
from medianest_models.db.data_loader import DataLoader
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.errors import NotFoundError
from medianest_models.models import User
from medianest_models.models.columns import as_column
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Record

    from medianest_models.enums import UserRole, UserStatus

LENGTH: Final = 255
"""The most characters of a plex_id, a plex_username and an email."""

# Raw: the ORM takes as long to write it as the database to answer it, and portals ask this with every request. The
# array is a SELECT, because PostgreSQL would plan anew for each array's length.
_FIND_BY_PLEX_ID: Final = "SELECT * FROM users WHERE plex_id = $1"
_FIND_BY_PLEX_IDS: Final = "SELECT * FROM users WHERE plex_id = ANY ((SELECT $1::text[])::text[])"

# Raw: the index is on lower(email), and Tortoise's iexact compares upper().
_FIND_BY_EMAIL: Final = """
SELECT * FROM users WHERE lower(email) = lower($1) ORDER BY status = 'active' DESC, created_at, id LIMIT 1
"""


async def get(user_id: UUID | str) -> User:
    """Get the user of that id.

    Raises:
        InvalidInputError: `user_id` is no UUID.
        NotFoundError: There is none.
    """
    user = await User.get_or_none(id=as_uuid(user_id, "user_id"))
    if user is None:
        raise no_such_user(user_id)
    return user


async def find_by_plex_id(plex_id: str) -> User | None:
    """Find the user of that Plex account.

    Raises:
        InvalidInputError: `plex_id` is empty, too long or no text.
    """
    row = await _row_by_plex_id(as_text(plex_id, "plex_id", max_length=LENGTH))
    return None if row is None else User.from_row(row)


async def find_by_email(email: str) -> User | None:
    """Find the user with that email address, however its letters are written.

    Several users may share one address: then it is an active one before a suspended one, and the one who came first.

    Raises:
        InvalidInputError: `email` is empty, too long or no text.
    """
    row = await fetch_one(_FIND_BY_EMAIL, as_text(email, "email", max_length=LENGTH))
    return None if row is None else User.from_row(row)


async def search(
    text: str | None = None,
    *,
    role: UserRole | None = None,
    status: UserStatus | None = None,
    params: PaginationParams | None = None,
) -> PaginatedResult[User]:
    """List the users whose Plex name or email address begins with a text, the latest first.

    Args:
        text: How the name or the address begins, however its letters are written; None for all users.
        role: Only users of this role.
        status: Only users of this status.
        params: Which page, and in which order.

    Raises:
        InvalidInputError: `text` is empty or too long, or `role` or `status` is of another enum.
    """
    users = User.all()
    if role is not None:
        users = users.filter(role=as_column(User, "role", role))
    if status is not None:
        users = users.filter(status=as_column(User, "status", status))
    if text is not None:
        users = users.filter(_BeginsWith(as_text(text, "text", max_length=LENGTH)))
    return await paginate(users, params)


def no_such_user(user_id: UUID | str) -> NotFoundError:
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
