"""Submission and lookups of media requests."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db import database, transaction
from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.errors import (
    DuplicateRequestError,
    InvalidInputError,
    InvalidReferenceError,
    NotFoundError,
)
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, User
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import media_requests
from medianest_models.settings import DatabaseUrl
from tests.processes import run_in_processes
from tests.repositories.wrong_arguments import wrong

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


async def new_user(name: str = "a") -> User:
    return await User.create(plex_id=name, plex_username=name)


async def stored(user: User, number: int = 0, **columns: Any) -> MediaRequest:
    """Make a request that was submitted on a day of January."""
    created_at = START + datetime.timedelta(days=number)
    return await MediaRequest.create(
        user=user, **{"title": f"T{number}", "media_type": "movie", "created_at": created_at, **columns}
    )


async def test_submit(user: User) -> None:
    request = await media_requests.submit(
        user.id,
        title="Dune",
        media_type="movie",
        tmdb_id="438631",
        is_4k=True,
        imdb_id="tt1160419",
        overseerr_id="17",
        request_data={"is4k": True, "seasons": []},
    )
    assert (request.user_id, request.status, request.completed_at) == (user.id, RequestStatus.PENDING, None)
    assert (request.title, request.media_type, request.request_data) == ("Dune", "movie", {"is4k": True, "seasons": []})
    assert (request.tmdb_id, request.imdb_id, request.overseerr_id) == ("438631", "tt1160419", "17")
    assert (request.season, request.is_4k) == (None, True)
    assert request.is_open
    assert dict(await media_requests.get(request.id)) == dict(request)
    (first,) = await media_requests.history(request.id)
    assert (first.status, first.message, first.created_at) == (RequestStatus.PENDING, None, request.created_at)


async def test_submit_a_title_that_is_open(db: DatabaseUrl) -> None:
    one, other = await new_user("1"), await new_user("2")
    request = await media_requests.submit(one.id, title="Dune", media_type="movie", tmdb_id="1")
    with pytest.raises(DuplicateRequestError, match=str(request.id)) as caught:
        await media_requests.submit(other.id, title="Dune (2021)", media_type="movie", tmdb_id="1", request_data=[1])
    assert caught.value.request_id == request.id
    assert "Dune" not in str(caught.value)
    assert [dict(row) for row in await MediaRequest.all()] == [dict(request)]
    assert await MediaRequestStatusUpdate.all().count() == 1
    await media_requests.submit(other.id, title="Dune", media_type="tv", tmdb_id="1")


async def test_submit_a_title_whose_request_is_closed(user: User) -> None:
    for status in (RequestStatus.AVAILABLE, RequestStatus.FAILED):
        await stored(user, tmdb_id="1", status=status)
    assert (await media_requests.submit(user.id, title="T", media_type="movie", tmdb_id="1")).is_open


async def test_without_a_tmdb_id_nothing_is_a_duplicate(user: User) -> None:
    for _ in range(2):
        await media_requests.submit(str(user.id), title="T", media_type="movie")
    assert await MediaRequest.all().count() == 2


@wrong(
    title=["", "t" * 501, "a\0", "\ud800", None, 5],
    media_type=["", "m" * 51, None],
    tmdb_id=["", "1" * 101, 438631],
    season=[-1, 2**31, 1.0, "1", True, 1],
    is_4k=[None, 1, "yes"],
    imdb_id=["1" * 101],
    overseerr_id=["", "1" * 256],
    request_data=[{1: 2}, float("inf"), {"a": datetime.UTC}, ["\0"]],
    user_id=["me", 5, None],
)
async def test_submit_refuses(user: User, name: str, value: Any) -> None:
    given = {"user_id": user.id, "title": "T", "media_type": "movie", name: value}
    with pytest.raises(InvalidInputError, match=name):
        await media_requests.submit(given.pop("user_id"), **given)
    assert not await MediaRequest.exists()


async def test_submit_for_an_unknown_user(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await media_requests.submit(uuid4(), title="T", media_type="movie", tmdb_id="1")
    assert not await MediaRequest.exists()
    assert not await MediaRequestStatusUpdate.exists()


async def submit(user_id: UUID, tmdb_ids: list[str]) -> list[UUID | None]:
    """Submit requests, and return their ids or those of the conflicting ones."""
    ids: list[UUID | None] = []
    for tmdb_id in tmdb_ids:
        try:
            ids.append((await media_requests.submit(user_id, title="T", media_type="movie", tmdb_id=tmdb_id)).id)
        except DuplicateRequestError as error:
            ids.append(error.request_id)
    return ids


async def test_of_many_who_submit_the_same_title_one_wins(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        user = await new_user()
    titles = [str(number) for number in range(30)]
    outcomes = run_in_processes(submit, 20, user.id, titles, url=fresh_url, connected=True)
    async with database(fresh_url):
        requests = {request.tmdb_id: request.id for request in await MediaRequest.all()}
        assert await MediaRequest.all().count() == await MediaRequestStatusUpdate.all().count() == 30
    assert outcomes == [[requests[title] for title in titles]] * 20


async def submit_and_close(user_id: UUID, times: int) -> list[str]:
    """Submit a title and close it at once, repeatedly; return errors other than for duplicates."""
    problems = []
    for _ in range(times):
        try:
            request = await media_requests.submit(user_id, title="T", media_type="movie", tmdb_id="1")
            await media_requests.transition(request.id, status=RequestStatus.FAILED)
        except DuplicateRequestError as error:
            if error.request_id is None:
                problems.append("the open one is not named")
    return problems


async def test_the_open_one_is_named_while_others_close_it(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        user = await new_user()
    assert run_in_processes(submit_and_close, 8, user.id, 50, url=fresh_url, connected=True) == [[]] * 8


async def test_get(db: DatabaseUrl) -> None:
    request = await stored(await new_user())
    assert (await media_requests.get(str(request.id))).title == "T0"
    unknown = uuid4()
    with pytest.raises(NotFoundError, match=str(unknown)):
        await media_requests.get(unknown)
    with pytest.raises(InvalidInputError, match="request_id"):
        await media_requests.get("17")


async def test_find_by_tmdb_id(user: User) -> None:
    assert await media_requests.find_by_tmdb_id("1") is None
    failed = await stored(user, 5, tmdb_id="1", status=RequestStatus.FAILED)
    assert (await media_requests.find_by_tmdb_id("1")) == failed
    newer = await stored(user, 6, tmdb_id="1", status=RequestStatus.AVAILABLE)
    assert (await media_requests.find_by_tmdb_id("1")) == newer
    open_one = await stored(user, 1, tmdb_id="1", status=RequestStatus.APPROVED)
    series = await stored(user, 7, tmdb_id="1", media_type="tv", status=RequestStatus.FAILED)
    await stored(user, 8, tmdb_id="2")
    assert (await media_requests.find_by_tmdb_id("1")) == open_one
    assert (await media_requests.find_by_tmdb_id("1", media_type="movie")) == open_one
    assert (await media_requests.find_by_tmdb_id("1", media_type="tv")) == series
    assert await media_requests.find_by_tmdb_id("1", media_type="music") is None


async def test_find_by_overseerr_id(user: User) -> None:
    assert await media_requests.find_by_overseerr_id("1") is None
    await stored(user, 2, overseerr_id="2")
    await stored(user, 3, overseerr_id="1", status=RequestStatus.FAILED)
    newest = await stored(user, 4, overseerr_id="1", status=RequestStatus.FAILED)
    assert (await media_requests.find_by_overseerr_id("1")) == newest
    open_one = await stored(user, 1, overseerr_id="1")
    assert (await media_requests.find_by_overseerr_id("1")) == open_one


async def test_find_refuses(db: DatabaseUrl) -> None:
    wrong: list[Any] = ["", "a\0", 17, None]
    for value in wrong:
        with pytest.raises(InvalidInputError, match="tmdb_id"):
            await media_requests.find_by_tmdb_id(value)
        with pytest.raises(InvalidInputError, match="overseerr_id"):
            await media_requests.find_by_overseerr_id(value)
    with pytest.raises(InvalidInputError, match="media_type"):
        await media_requests.find_by_tmdb_id("1", media_type="")


async def test_list_for_user(db: DatabaseUrl) -> None:
    one, other = await new_user("1"), await new_user("2")
    for number in (2, 0, 1):
        await stored(one, number)
        await stored(other, number)
    page = await media_requests.list_for_user(one.id, params=PaginationParams(limit=2))
    assert [request.title for request in page.data] == ["T2", "T1"]
    assert {request.user_id for request in page.data} == {one.id}
    assert (page.pagination.total, page.pagination.total_pages) == (3, 2)
    page = await media_requests.list_for_user(str(one.id), params=PaginationParams(page=2, limit=2, sort_order="asc"))
    assert [request.title for request in page.data] == ["T2"]
    assert (await media_requests.list_for_user(uuid4())).data == []


async def test_list_by_filters(db: DatabaseUrl) -> None:
    one, other = await new_user("1"), await new_user("2")
    for number in range(4):
        await stored(one, number, media_type="movie" if number % 2 else "tv")
        await stored(other, number + 10, status=RequestStatus.FAILED)

    async def titles(**filters: Any) -> list[str]:
        page = await media_requests.list_by_filters(**filters)
        assert page.pagination.total == len(page.data)
        return [request.title for request in page.data]

    def day(number: int) -> datetime.datetime:
        return START + datetime.timedelta(days=number)

    assert await titles() == ["T13", "T12", "T11", "T10", "T3", "T2", "T1", "T0"]
    assert await titles(user_id=one.id) == ["T3", "T2", "T1", "T0"]
    assert await titles(status=RequestStatus.FAILED) == await titles(status="failed") == ["T13", "T12", "T11", "T10"]
    assert await titles(status=RequestStatus.AVAILABLE) == []
    assert await titles(media_type="tv") == ["T2", "T0"]
    assert await titles(since=day(12)) == ["T13", "T12"]
    assert await titles(until=day(2)) == ["T1", "T0"]
    assert await titles(since=day(1), until=day(11)) == ["T10", "T3", "T2", "T1"]
    assert await titles(since=day(2), until=day(2)) == []
    assert await titles(
        user_id=one.id, status=RequestStatus.PENDING, media_type="movie", since=day(0), until=day(3)
    ) == ["T1"]


@wrong(
    user_id=["me"],
    status=[DownloadStatus.FAILED, "gone"],
    media_type=["", "m" * 51],
    since=[datetime.datetime(2026, 1, 1)],  # noqa: DTZ001 - naive on purpose
    until=[datetime.datetime(2026, 1, 1), "2026-01-01"],  # noqa: DTZ001 - naive on purpose
)
async def test_list_by_filters_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await media_requests.list_by_filters(**{name: value})


async def test_counts_by_status(db: DatabaseUrl) -> None:
    none = dict.fromkeys(RequestStatus, 0)
    one, other = await new_user("1"), await new_user("2")
    assert await media_requests.counts_by_status() == none
    for number, status in enumerate(["pending", "pending", "failed", "available"]):
        await stored(one, number, status=status)
    await stored(other, status="pending")
    assert await media_requests.counts_by_status() == none | {"pending": 3, "failed": 1, "available": 1}
    assert await media_requests.counts_by_status(user_id=other.id) == none | {"pending": 1}
    assert await media_requests.counts_by_status(user_id=str(uuid4())) == none
    assert list(await media_requests.counts_by_status()) == list(RequestStatus)
    with pytest.raises(InvalidInputError, match="user_id"):
        await media_requests.counts_by_status(user_id="me")


async def test_history_of_a_request_without_one(db: DatabaseUrl) -> None:
    request = await stored(await new_user())
    assert await media_requests.history(request.id) == []


async def test_history_of_an_unknown_request(db: DatabaseUrl) -> None:
    with pytest.raises(NotFoundError):
        await media_requests.history(uuid4())
    with pytest.raises(InvalidInputError, match="request_id"):
        await media_requests.history("")
