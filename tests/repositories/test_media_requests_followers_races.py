"""Following, unfollowing, closing and deleting the owner, all at the same moment."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final
from uuid import UUID

import pytest

from medianest_models.db import database, transaction
from medianest_models.db.statements import fetch_one
from medianest_models.enums import RequestStatus
from medianest_models.errors import NotFoundError
from medianest_models.models import MediaRequest, MediaRequestFollower, User
from medianest_models.models.base import new_id
from medianest_models.repositories import media_requests, users
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes

DUNE: Final[dict[str, Any]] = {"title": "Dune", "media_type": "movie", "tmdb_id": "438631"}


async def make(name: str) -> User:
    return await User.create(plex_id=name, plex_username=name)


async def names(request_id: UUID) -> list[str]:
    """Return the owner of a request and its followers, in order."""
    owner = await users.get((await media_requests.get(request_id)).user_id)
    return [user.plex_username for user in (owner, *await media_requests.followers(request_id))]


@pytest.mark.parametrize("way", ["follow", "submit"])
async def test_who_is_following_at_that_moment_gets_the_request(fresh_db: DatabaseUrl, way: str) -> None:
    ann, ben = await make("ann"), await make("ben")
    request = await media_requests.submit(ann.id, **DUNE)
    async with transaction():
        if way == "follow":
            await media_requests.follow(request.id, user_id=ben.id)
        else:
            await media_requests.submit(ben.id, **DUNE, follow=True)
        deletion = elsewhere(users.delete(ann.id))
        await until(someone_waits_for_a_lock, seconds=10)
    await deletion
    assert await names(request.id) == ["ben"]


async def test_who_follows_while_the_owner_is_being_deleted_follows_the_next_or_nothing(fresh_db: DatabaseUrl) -> None:
    ann, ben, cat = await make("ann"), await make("ben"), await make("cat")
    wanted, lonely = [await media_requests.submit(ann.id, title=title, media_type="tv") for title in "ab"]
    await media_requests.follow(wanted.id, user_id=ben.id)
    async with transaction():
        await users.delete(ann.id)
        late = [elsewhere(media_requests.follow(request.id, user_id=cat.id)) for request in (wanted, lonely)]
        await until(someone_waits_for_a_lock, seconds=10)
    assert await late[0]
    with pytest.raises(NotFoundError):
        await late[1]
    assert await names(wanted.id) == ["ben", "cat"]


async def test_the_heir_who_follows_again_meanwhile_is_no_follower_of_their_own(fresh_db: DatabaseUrl) -> None:
    ann, ben = await make("ann"), await make("ben")
    request = await media_requests.submit(ann.id, **DUNE)
    await media_requests.follow(request.id, user_id=ben.id)
    async with transaction():
        await users.delete(ann.id)
        again = elsewhere(media_requests.follow(request.id, user_id=ben.id))
        joined = elsewhere(media_requests.submit(ben.id, **DUNE, follow=True))
        await until(someone_waits_for_a_lock, seconds=10)
    assert not await again
    assert (await joined).user_id == ben.id
    assert await names(request.id) == ["ben"]


async def test_who_is_leaving_at_that_moment_is_passed_over(fresh_db: DatabaseUrl) -> None:
    ann, ben, cat = await make("ann"), await make("ben"), await make("cat")
    request = await media_requests.submit(ann.id, **DUNE)
    for user in (ben, cat):
        await media_requests.follow(request.id, user_id=user.id)
    async with transaction():
        await media_requests.unfollow(request.id, user_id=ben.id)
        deletion = elsewhere(users.delete(ann.id))
        await until(someone_waits_for_a_lock, seconds=10)
    await deletion
    assert await names(request.id) == ["cat"]


async def test_who_joins_while_the_open_request_is_being_closed_makes_a_new_one(fresh_db: DatabaseUrl) -> None:
    ann, ben = await make("ann"), await make("ben")
    request = await media_requests.submit(ann.id, **DUNE)
    async with transaction():
        await media_requests.transition(request.id, status=RequestStatus.FAILED)
        joining = elsewhere(media_requests.submit(ben.id, **DUNE, follow=True))
        await until(someone_waits_for_a_lock, seconds=10)
    new = await joining
    assert (new.user_id, new.is_open, await names(new.id)) == (ben.id, True, ["ben"])
    assert await names(request.id) == ["ann"]


async def join_and_close(times: int) -> list[str]:
    """Request a title as a new user, close the request if it is theirs, and return what was wrong."""
    user = await make(str(new_id()))
    problems = []
    for _ in range(times):
        request = await media_requests.submit(user.id, **DUNE, follow=True)
        follows = await MediaRequestFollower.filter(request_id=request.id, user_id=user.id).exists()
        if follows == (request.user_id == user.id):
            problems.append(f"follows: {follows}")
        if not follows:
            await media_requests.transition(request.id, status=RequestStatus.FAILED)
    return problems


async def test_everybody_owns_or_follows_what_they_asked_for_while_others_close_it(fresh_url: DatabaseUrl) -> None:
    assert run_in_processes(join_and_close, 8, 50, url=fresh_url, connected=True) == [[]] * 8
    async with database(fresh_url):
        assert await MediaRequestFollower.exists()  # they met
        assert not await MediaRequest.exclude(status=RequestStatus.FAILED).exists()


async def two_wait_for_a_lock() -> bool:
    row = await fetch_one("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted")
    return row is not None and row["waiting"] >= 2


@pytest.mark.parametrize("way", ["by the function", "by hand"])
async def test_two_who_follow_each_other_are_deleted_one_after_the_other(fresh_db: DatabaseUrl, way: str) -> None:
    ann, ben = await make("ann"), await make("ben")
    requests = []
    for owner, follower in ((ann, ben), (ben, ann)):
        requests.append((await media_requests.submit(owner.id, title="T", media_type="tv")).id)
        await media_requests.follow(requests[-1], user_id=follower.id)
    async with transaction():
        await media_requests.transition_many(requests, status=RequestStatus.FAILED)  # holds up both deletions
        deletions = [
            elsewhere(users.delete(user.id) if way == "by the function" else user.delete()) for user in (ann, ben)
        ]
        await until(two_wait_for_a_lock, seconds=10)
    await asyncio.gather(*deletions)
    assert not await User.exists()
    assert not await MediaRequest.exists()


async def delete_all(user_ids: list[UUID]) -> None:
    for user_id in user_ids:
        await users.delete(user_id)


async def test_users_who_follow_each_other_can_be_deleted_at_once(fresh_db: DatabaseUrl) -> None:
    ones, others = [[await make(f"{side}{number}") for number in range(40)] for side in "ab"]
    for one, other in zip(ones, others, strict=True):
        for owner, follower in ((one, other), (other, one)):
            request = await media_requests.submit(owner.id, title="T", media_type="tv")
            await media_requests.follow(request.id, user_id=follower.id)
    outcomes = await asyncio.gather(
        *(
            asyncio.to_thread(run_in_processes, delete_all, 1, [user.id for user in side], url=fresh_db, connected=True)
            for side in (ones, others)
        )
    )
    assert outcomes == [[None], [None]]  # no deadlock
    assert not await MediaRequest.exists()
    assert not await MediaRequestFollower.exists()


async def join_all(user_ids: list[UUID], titles: list[str]) -> None:
    """Join the request for each title with each user, in random order."""
    pairs = [(user_id, title) for user_id in user_ids for title in titles]
    random.SystemRandom().shuffle(pairs)
    for user_id, title in pairs:
        await media_requests.submit(user_id, title="T", media_type="movie", tmdb_id=title, follow=True)


async def test_no_wish_is_lost_while_owners_are_deleted(fresh_url: DatabaseUrl) -> None:
    titles = [str(number) for number in range(20)]
    async with database(fresh_url):
        leaving, staying = [[(await make(f"{side}{number}")).id for number in range(5)] for side in "ab"]
        for number, title in enumerate(titles):
            await media_requests.submit(leaving[number % 5], title="T", media_type="movie", tmdb_id=title)
    joining = asyncio.to_thread(run_in_processes, join_all, 4, staying, titles, url=fresh_url, connected=True)
    deleting = asyncio.to_thread(run_in_processes, delete_all, 1, leaving, url=fresh_url, connected=True)
    joined, deleted = await asyncio.gather(joining, deleting)
    assert [*joined, *deleted] == [None] * 5
    async with database(fresh_url):
        assert await MediaRequest.all().count() == len(titles)
        for request in await MediaRequest.all():
            followers = [user.id for user in await media_requests.followers(request.id)]
            assert sorted([request.user_id, *followers]) == sorted(staying)
