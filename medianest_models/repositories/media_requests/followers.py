"""Followers of requests: users who wait for what somebody else has requested."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_models.checks import as_uuid
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.errors import NotFoundError
from medianest_models.models import MediaRequest, User
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate

FollowedT = TypeVar("FollowedT", bound=BaseModel | MediaRequest, default=MediaRequest)

# Raw, because one statement locks the request, sees whose it is then, and distinguishes a missing one.
# clock_timestamp(), because a transaction that began early may follow late, and the first follower counts.
_FOLLOW: Final = """
WITH wanted AS MATERIALIZED (
    SELECT id, user_id FROM media_requests WHERE id = $1 FOR KEY SHARE
), follower AS (
    INSERT INTO media_request_followers (request_id, user_id, created_at)
    SELECT id, $2, clock_timestamp() FROM wanted WHERE user_id <> $2
    ON CONFLICT (request_id, user_id) DO NOTHING
    RETURNING id
)
SELECT EXISTS (SELECT FROM follower) AS is_new FROM wanted
"""

# Raw, because it distinguishes a request without followers from a missing one.
_FOLLOWERS: Final = """
SELECT u.*
FROM media_requests AS request
LEFT JOIN (media_request_followers AS follower JOIN users AS u ON u.id = follower.user_id)
    ON follower.request_id = request.id
WHERE request.id = $1
ORDER BY follower.created_at, follower.id
"""


async def follow(request_id: UUID | str, *, user_id: UUID | str) -> bool:
    """Make a user a follower of a request; say whether that is new: not if they follow it already, or own it.

    If the owner is deleted, the request passes to its first follower.

    Raises:
        NotFoundError: There is no such request.
        InvalidReferenceError: There is no such user.
    """
    wanted = as_uuid(request_id, "request_id")
    row = await fetch_one(_FOLLOW, wanted, as_uuid(user_id, "user_id"))
    if row is None:
        raise NotFoundError(f"there is no media request {wanted}")
    return bool(row["is_new"])


async def unfollow(request_id: UUID | str, *, user_id: UUID | str) -> bool:
    """End a user's following of a request; say whether they followed it."""
    ids = as_uuid(request_id, "request_id"), as_uuid(user_id, "user_id")
    return await execute("DELETE FROM media_request_followers WHERE request_id = $1 AND user_id = $2", *ids) > 0


async def followers(request_id: UUID | str) -> list[User]:
    """List the followers of a request, in the order in which they came.

    Raises:
        NotFoundError: There is no such request.
    """
    wanted = as_uuid(request_id, "request_id")
    rows = await fetch(_FOLLOWERS, wanted)
    if not rows:
        raise NotFoundError(f"there is no media request {wanted}")
    return [User.from_row(row) for row in rows if row["id"] is not None]


async def list_followed(
    user_id: UUID | str, *, params: PaginationParams | None = None, schema: type[FollowedT] | None = None
) -> PaginatedResult[FollowedT]:
    """List a page of the requests that a user follows; their own are those of `list_for_user`."""
    followed = MediaRequest.filter(followers__user_id=as_uuid(user_id, "user_id"))
    return await paginate(followed, params, schema=schema)
