"""Followers of media requests, and who gets a request whose owner is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from medianest_models.db import with_transaction
from medianest_models.db.statements import execute
from medianest_models.enums import RequestStatus
from medianest_models.errors import DuplicateRequestError, InvalidInputError, InvalidReferenceError, NotFoundError
from medianest_models.models import MediaRequest, MediaRequestFollower, MediaRequestStatusUpdate, User
from medianest_models.repositories import media_requests, users
from medianest_models.settings import DatabaseUrl
from tests.repositories.wrong_arguments import wrong

DUNE: Final[dict[str, Any]] = {"title": "Dune", "media_type": "movie", "tmdb_id": "438631"}
NOBODY: Final = UUID("01900000-0000-7000-8000-00000000ffff")


async def make(name: str) -> User:
    return await User.create(plex_id=name, plex_username=name)


async def names(request_id: UUID) -> list[str]:
    """Return the owner of a request and its followers, in order."""
    owner = await users.get((await media_requests.get(request_id)).user_id)
    return [user.plex_username for user in (owner, *await media_requests.followers(request_id))]


async def test_follow_and_unfollow(db: DatabaseUrl) -> None:
    ann, ben, cat = await make("ann"), await make("ben"), await make("cat")
    request = await media_requests.submit(ann.id, **DUNE)
    assert await media_requests.followers(request.id) == []
    assert await media_requests.follow(str(request.id), user_id=str(cat.id))
    assert await media_requests.follow(request.id, user_id=ben.id)
    assert not await media_requests.follow(request.id, user_id=cat.id)
    assert not await media_requests.follow(request.id, user_id=ann.id)  # it is hers
    assert await names(request.id) == ["ann", "cat", "ben"]
    assert await media_requests.unfollow(str(request.id), user_id=str(cat.id))
    assert not await media_requests.unfollow(request.id, user_id=cat.id)
    assert await names(request.id) == ["ann", "ben"]
    await MediaRequest.filter(id=request.id).delete()
    assert not await MediaRequestFollower.exists()


async def test_what_is_not_there_has_no_followers(user: User) -> None:
    with pytest.raises(NotFoundError, match=str(NOBODY)):
        await media_requests.follow(NOBODY, user_id=user.id)
    with pytest.raises(NotFoundError, match=str(NOBODY)):
        await media_requests.followers(NOBODY)
    assert not await media_requests.unfollow(NOBODY, user_id=user.id)
    request = await media_requests.submit(user.id, **DUNE)
    with pytest.raises(InvalidReferenceError):
        await with_transaction(partial(media_requests.follow, request.id, user_id=NOBODY))
    assert not await MediaRequestFollower.exists()


@wrong(request_id=["17", None], user_id=["me", 5])
async def test_they_refuse(user: User, name: str, value: Any) -> None:
    given: dict[str, Any] = {"request_id": NOBODY, "user_id": user.id, name: value}
    for function in (media_requests.follow, media_requests.unfollow):
        with pytest.raises(InvalidInputError, match=name):
            await function(**given)
    if name == "request_id":
        with pytest.raises(InvalidInputError, match=name):
            await media_requests.followers(value)


async def test_submit_joins_the_open_request(db: DatabaseUrl) -> None:
    ann, ben, cat = await make("ann"), await make("ben"), await make("cat")
    request = await media_requests.submit(ann.id, **DUNE, follow=True)
    for _ in range(2):
        joined = await media_requests.submit(ben.id, **DUNE, follow=True)
        assert (joined, joined.user_id) == (request, ann.id)
    assert await media_requests.submit(ann.id, **DUNE, follow=True) == request
    with pytest.raises(DuplicateRequestError):
        await media_requests.submit(cat.id, **DUNE)
    assert await names(request.id) == ["ann", "ben"]
    assert await MediaRequestStatusUpdate.all().count() == 1
    await media_requests.transition(request.id, status=RequestStatus.FAILED)
    again = await media_requests.submit(ben.id, **DUNE, follow=True)
    assert await names(again.id) == ["ben"]
    with pytest.raises(InvalidInputError, match="follow"):
        await media_requests.submit(ben.id, **DUNE, follow=1)  # type: ignore[arg-type]


async def test_list_followed(db: DatabaseUrl) -> None:
    ann, ben = await make("ann"), await make("ben")
    theirs = [await media_requests.submit(ann.id, title=title, media_type="tv") for title in "abc"]
    await media_requests.submit(ben.id, **DUNE)
    for request in (theirs[2], theirs[0]):
        await media_requests.follow(request.id, user_id=ben.id)
    page = await media_requests.list_followed(ben.id)
    assert (page.data, page.pagination.total) == ([theirs[2], theirs[0]], 2)
    assert (await media_requests.list_followed(str(ann.id))).data == []


async def raw_delete(user_id: UUID) -> None:
    await execute("DELETE FROM users WHERE id = $1", user_id)


async def delete_instance(user_id: UUID) -> None:
    await (await users.get(user_id)).delete()


@pytest.mark.parametrize("delete", [users.delete, raw_delete, delete_instance])
async def test_a_request_passes_on_as_long_as_somebody_wants_it(
    db: DatabaseUrl, delete: Callable[[UUID], Awaitable[None]]
) -> None:
    ann, ben, cat, dan = [await make(name) for name in ("ann", "ben", "cat", "dan")]
    request = await media_requests.submit(ann.id, **DUNE)
    alone = await media_requests.submit(ann.id, title="Solaris", media_type="movie")
    for user in (cat, ben, dan):
        await media_requests.follow(request.id, user_id=user.id)
    await delete(ben.id)
    assert await names(request.id) == ["ann", "cat", "dan"]
    await delete(ann.id)
    assert await names(request.id) == ["cat", "dan"]
    assert await MediaRequest.get_or_none(id=alone.id) is None
    assert len(await media_requests.history(request.id)) == 1
    await delete(cat.id)
    assert await names(request.id) == ["dan"]
    await delete(dan.id)
    assert not await MediaRequest.exists()
    assert not await MediaRequestFollower.exists()
    assert not await MediaRequestStatusUpdate.exists()


async def test_the_owner_and_followers_are_deleted_by_one_statement(db: DatabaseUrl) -> None:
    ann, ben, cat = await make("ann"), await make("ben"), await make("cat")
    request = await media_requests.submit(ann.id, **DUNE)
    for user in (ben, cat):
        await media_requests.follow(request.id, user_id=user.id)
    await execute("DELETE FROM users WHERE id = ANY ($1)", [ann.id, ben.id])
    assert await names(request.id) == ["cat"]


async def test_a_deletion_that_is_rolled_back_passes_nothing_on(db: DatabaseUrl) -> None:
    ann, ben = await make("ann"), await make("ben")
    request = await media_requests.submit(ann.id, **DUNE)
    await media_requests.follow(request.id, user_id=ben.id)

    async def delete_twice() -> None:
        await users.delete(ann.id)
        assert await names(request.id) == ["ben"]
        await users.delete(ann.id)

    with pytest.raises(NotFoundError):
        await with_transaction(delete_twice)
    assert await names(request.id) == ["ann", "ben"]
