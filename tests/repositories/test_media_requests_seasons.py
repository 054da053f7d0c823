"""Requests for single seasons of a series, and for 4K beside the other quality."""

from __future__ import annotations

import random
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from medianest_models.db import database, transaction
from medianest_models.enums import RequestStatus
from medianest_models.errors import ConflictError, DuplicateRequestError, InvalidInputError, InvalidReferenceError
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, User
from medianest_models.repositories import media_requests
from medianest_models.repositories.media_requests import TransitionReport, submissions
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.wrong_arguments import wrong

DARK: Final[dict[str, Any]] = {"title": "Dark", "media_type": "tv", "tmdb_id": "70523"}
PENDING, FAILED = RequestStatus.PENDING, RequestStatus.FAILED


async def test_each_season_and_quality_can_be_open_once(user: User) -> None:
    wishes: list[Any] = [{"season": season, "is_4k": is_4k} for season in (None, 0, 1, 2) for is_4k in (False, True)]
    requests = [await media_requests.submit(user.id, **DARK, **wish) for wish in wishes]
    assert [{"season": request.season, "is_4k": request.is_4k} for request in requests] == wishes
    for request, wish in zip(requests, wishes, strict=True):
        with pytest.raises(DuplicateRequestError) as caught:
            await media_requests.submit(user.id, **DARK, **wish)
        assert caught.value.request_id == request.id
    assert await MediaRequest.all().count() == len(wishes)


async def test_a_season_can_be_requested_again_once_its_request_is_closed(user: User) -> None:
    first = await media_requests.submit(user.id, **DARK, season=1)
    await media_requests.transition(first.id, status=FAILED)
    again = await media_requests.submit(user.id, **DARK, season=1)
    with pytest.raises(DuplicateRequestError) as caught:
        await media_requests.transition(first.id, status=PENDING)
    assert caught.value.request_id == again.id


@pytest.mark.parametrize("wish", [{}, {"season": 2}, {"season": 1, "is_4k": True}])
async def test_an_open_season_is_in_the_way_of_no_other(user: User, wish: dict[str, Any]) -> None:
    failed = await media_requests.submit(user.id, **DARK, **wish)
    await media_requests.transition(failed.id, status=FAILED)
    await media_requests.submit(user.id, **DARK, season=1)
    assert (await media_requests.transition(failed.id, status=PENDING)).is_open


async def test_failed_seasons_are_opened_again_side_by_side(user: User) -> None:
    wishes: list[Any] = [{"season": 1}, {"season": 2}, {}, {"season": 1, "is_4k": True}, {"season": 1}, {}]
    requests = []
    for wish in wishes:
        requests.append(await media_requests.submit(user.id, **DARK, **wish))
        await media_requests.transition(requests[-1].id, status=FAILED)
    report = await media_requests.transition_many([request.id for request in requests], status=PENDING)
    duplicates = {requests[4].id: requests[0].id, requests[5].id: requests[2].id}
    assert report == TransitionReport(changed=requests[:4], refused={}, duplicates=duplicates, not_found=[])


async def test_without_a_tmdb_id_no_season_is_a_duplicate(user: User) -> None:
    for _ in range(2):
        await media_requests.submit(user.id, title="T", media_type="tv", season=1)
    assert await MediaRequest.all().count() == 2


async def test_find_by_tmdb_id_finds_the_newest_open_season(user: User) -> None:
    seasons = [await media_requests.submit(user.id, **DARK, season=season) for season in (2, 1, 3)]
    await media_requests.transition(seasons[2].id, status=FAILED)
    assert await media_requests.find_by_tmdb_id(DARK["tmdb_id"]) == seasons[1]


async def test_submit_seasons(user: User) -> None:
    second = await media_requests.submit(user.id, **DARK, season=2)
    known: dict[str, Any] = {"imdb_id": "tt5753856", "overseerr_id": "9", "request_data": {"a": 1}}
    report = await media_requests.submit_seasons(str(user.id), seasons=[3, 1, 2, 0], **DARK, **known)
    assert [request.season for request in report.submitted] == [0, 1, 3]
    assert report.already_open == {2: second.id}
    for request in report.submitted:
        assert (request.user_id, request.status, request.is_4k) == (user.id, PENDING, False)
        assert dict(request).items() >= (DARK | known).items()
        assert [update.status for update in await media_requests.history(request.id)] == [PENDING]
    in_4k = await media_requests.submit_seasons(user.id, seasons=iter([2]), **DARK, is_4k=True)
    assert ([request.is_4k for request in in_4k.submitted], in_4k.already_open) == ([True], {})


@wrong(
    seasons=[[], [1, -1], [2, 1, 2], list(range(10_000)), [1, None], [1, "2"], [True], [1.0], [2**31], "12"],
    title=["", None],
    tmdb_id=[""],
    is_4k=[None],
    user_id=["me"],
)
async def test_submit_seasons_refuses(user: User, name: str, value: Any) -> None:
    given = {"user_id": user.id, "seasons": [1, 2], **DARK, name: value}
    with pytest.raises(InvalidInputError, match=name):
        await media_requests.submit_seasons(given.pop("user_id"), **given)
    assert not await MediaRequest.exists()


async def test_a_film_has_no_season(user: User) -> None:
    with pytest.raises(InvalidInputError, match="season"):
        await media_requests.submit(user.id, title="Dune", media_type="movie", season=1)
    with pytest.raises(InvalidInputError, match="season"):
        await media_requests.submit_seasons(user.id, title="Dune", media_type="movie", seasons=[1])
    assert not await MediaRequest.exists()


async def test_submit_seasons_for_an_unknown_user(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await media_requests.submit_seasons(uuid4(), seasons=[1, 2], **DARK)
    assert not await MediaRequest.exists()


async def test_when_one_season_fails_none_is_requested(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await media_requests.submit(user.id, title="T", media_type="tv")
    ids = iter([uuid4(), first.id])
    monkeypatch.setattr(submissions, "new_id", lambda: next(ids))
    with pytest.raises(ConflictError):
        await media_requests.submit_seasons(user.id, seasons=[1, 2], **DARK)
    assert await MediaRequest.all() == [first]


async def test_the_open_seasons_are_not_locked_while_the_others_are_requested(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="a", plex_username="a")
    first, second = (await media_requests.submit_seasons(user.id, seasons=[1, 2], **DARK)).submitted
    async with transaction():
        await media_requests.transition(second.id, status=FAILED)
        again = elsewhere(media_requests.submit_seasons(user.id, seasons=[1, 2], **DARK))
        await until(someone_waits_for_a_lock, seconds=10)
        await media_requests.transition(first.id, status=FAILED)  # would be a deadlock
    report = await again
    assert ([request.season for request in report.submitted], report.already_open) == ([2], {1: first.id})


async def submit_shuffled(user_id: UUID, series: int) -> list[str]:
    """Request eight seasons of each series in random order; return each season as requested, with its request."""
    seasons, chance = list(range(8)), random.SystemRandom()  # different in each process
    found = []
    for number in range(series):
        chance.shuffle(seasons)
        wish: dict[str, Any] = {"seasons": seasons, "title": "T", "media_type": "tv", "tmdb_id": str(number)}
        report = await media_requests.submit_seasons(user_id, **wish)
        ids = {request.season: request.id for request in report.submitted} | report.already_open
        found += [f"{number} {season} {ids[season]}" for season in range(8)]
    return found


async def test_of_many_who_submit_the_same_seasons_each_season_has_one_winner(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        user = await User.create(plex_id="a", plex_username="a")
    outcomes = run_in_processes(submit_shuffled, 8, user.id, 20, url=fresh_url, connected=True)
    async with database(fresh_url):
        requests = await MediaRequest.all().order_by("tmdb_id", "season")
        assert len(requests) == await MediaRequestStatusUpdate.all().count() == 160
    expected = sorted(f"{request.tmdb_id} {request.season} {request.id}" for request in requests)
    assert [sorted(outcome) for outcome in outcomes] == [expected] * 8
