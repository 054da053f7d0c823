"""The end of sessions, and which ones run.

The lock (see tokens) comes in a statement of its own: the deletion then sees the tokens of those it waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pypika_tortoise.functions import Now

from medianest_models.checks import as_uuid
from medianest_models.db.statements import execute, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.errors import NotFoundError
from medianest_models.models import SessionToken
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.sessions.verification import stored_hash

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import SecretStr

# Raw: the ORM finds nothing by a hash, which is refused in filters, and locks no joined row alone.
_LOCK: Final = "SELECT s.family_id FROM session_tokens s JOIN users u ON u.id = s.user_id WHERE {} FOR UPDATE OF u"


async def revoke(token: SecretStr | str) -> bool:
    """End the session of a token, which is every token of its family; say whether there was one."""
    return await _end_family("s.token_hash = $1", stored_hash(token))


async def revoke_session(session_id: UUID | str, *, user_id: UUID | str) -> bool:
    """End a session of a user, by the id of any token of its family; say whether the user had it."""
    ids = as_uuid(session_id, "session_id"), as_uuid(user_id, "user_id")
    return await _end_family("s.id = $1 AND u.id = $2", *ids)


async def revoke_all(user_id: UUID | str) -> int:
    """End all sessions of a user; return how many tokens were deleted.

    Raises:
        NotFoundError: There is no such user.
    """
    user = as_uuid(user_id, "user_id")
    async with transaction():
        if await fetch_one("SELECT id FROM users WHERE id = $1 FOR UPDATE", user) is None:
            raise NotFoundError(f"there is no user {user}")
        return await execute("DELETE FROM session_tokens WHERE user_id = $1", user)


async def list_for_user(
    user_id: UUID | str, *, params: PaginationParams | None = None
) -> PaginatedResult[SessionToken]:
    """List a user's running sessions, without what is stored of their tokens."""
    shown = [name for name in SessionToken._meta.db_fields if name != "token_hash"]
    running = SessionToken.filter(user_id=as_uuid(user_id, "user_id"), rotated_at__isnull=True, expires_at__gt=Now())
    return await paginate(running.only(*shown), params)


async def delete_expired(*, batch_size: int = BATCH_SIZE) -> int:
    """Delete the tokens whose time is over, and return how many; it can be interrupted at any time."""
    return await delete_in_batches(
        """
        DELETE FROM session_tokens WHERE id IN (
            SELECT id FROM session_tokens WHERE expires_at <= statement_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        """,
        batch_size=batch_size,
    )


async def _end_family(condition: str, *values: object) -> bool:
    async with transaction():
        row = await fetch_one(_LOCK.format(condition), *values)
        family = None if row is None else row["family_id"]
        return await execute("DELETE FROM session_tokens WHERE family_id = $1", family) > 0
