"""Ending sessions, and seeing which ones run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pypika_tortoise.functions import Now

from medianest_models.checks import as_uuid
from medianest_models.db.statements import execute, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.errors import NotFoundError
from medianest_models.models import SessionToken
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._batches import delete_in_batches
from medianest_models.repositories.sessions.families import end_family
from medianest_models.repositories.sessions.verification import stored_hash

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import SecretStr


async def revoke(token: SecretStr | str) -> bool:
    """Ends the session of a token: every token of its family.

    Returns:
        Whether there was one.
    """
    return bool(await end_family(stored_hash(token)))


async def revoke_all(user_id: UUID | str) -> int:
    """Ends all sessions of a user.

    Returns:
        How many tokens were deleted.

    Raises:
        NotFoundError: There is no such user.
    """
    user = as_uuid(user_id, "user_id")
    async with transaction():
        # The lock comes in a statement of its own: the deletion then sees the tokens of those it waited for.
        if await fetch_one("SELECT id FROM users WHERE id = $1 FOR UPDATE", user) is None:
            raise NotFoundError(f"there is no user {user}")
        return await execute("DELETE FROM session_tokens WHERE user_id = $1", user)


async def list_for_user(
    user_id: UUID | str, *, params: PaginationParams | None = None
) -> PaginatedResult[SessionToken]:
    """A user's running sessions, without what is stored of their tokens."""
    shown = [name for name in SessionToken._meta.db_fields if name != "token_hash"]
    running = SessionToken.filter(
        user_id=as_uuid(user_id, "user_id"),
        rotated_at__isnull=True,
        expires_at__gt=Now(),
    )
    return await paginate(running.only(*shown), params)


async def delete_expired(*, batch_size: int = 1000) -> int:
    """Deletes the tokens whose time is over, in batches of a statement each; it can be interrupted at any time.

    Returns:
        How many were deleted.
    """
    return await delete_in_batches(
        """
        DELETE FROM session_tokens WHERE id IN (
            SELECT id FROM session_tokens WHERE expires_at <= statement_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        """,
        batch_size=batch_size,
    )
