"""Changing the status of media requests."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db import database, transaction
from medianest_models.db.statements import execute
from medianest_models.enums import REQUEST_TRANSITIONS, DownloadStatus, RequestStatus
from medianest_models.errors import (
    ConstraintError,
    DuplicateRequestError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
)
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, User
from medianest_models.repositories import media_requests
from medianest_models.repositories.media_requests import TransitionReport
from medianest_models.settings import DatabaseUrl
from tests.processes import run_in_processes
from tests.repositories.wrong_arguments import wrong

PENDING, APPROVED, AVAILABLE, FAILED = RequestStatus
ALLOWED = {
    (PENDING, APPROVED),
    (APPROVED, AVAILABLE),
    (PENDING, FAILED),
    (APPROVED, FAILED),
    (FAILED, PENDING),
}


async def stored(status: RequestStatus = PENDING, **columns: Any) -> MediaRequest:
    """Make a request without a history."""
    user = await User.first() or await User.create(plex_id="1", plex_username="a")
    return await MediaRequest.create(user=user, title="T", media_type="movie", status=status, **columns)


async def statuses(request_id: UUID) -> list[str]:
    return [update.status.value for update in await media_requests.history(request_id)]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(RequestStatus, RequestStatus)))
async def test_transition(db: DatabaseUrl, old: RequestStatus, new: RequestStatus) -> None:
    completed_at = None if old in {PENDING, APPROVED} else datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    request = await stored(old, completed_at=completed_at)
    if (old, new) not in ALLOWED:
        with pytest.raises(InvalidTransitionError, match=f"{request.id} can't change from {old} to {new}"):
            await media_requests.transition(request.id, status=new, message="why")
        assert (await media_requests.get(request.id)).status is old
        assert await media_requests.history(request.id) == []
        return
    changed = await media_requests.transition(request.id, status=new, message="why")
    assert changed.status is new
    assert dict(await media_requests.get(request.id)) == dict(changed)
    (update,) = await media_requests.history(request.id)
    assert (update.status, update.message, update.request_id) == (new, "why", request.id)
    assert (changed.completed_at is None) == (new in {PENDING, APPROVED})


async def test_a_request_s_life(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="a")
    request = await media_requests.submit(user.id, title="T", media_type="movie", tmdb_id="1")
    for status in (APPROVED, FAILED, PENDING, APPROVED, AVAILABLE):
        request = await media_requests.transition(str(request.id), status=status)
    history = await media_requests.history(request.id)
    assert [update.status for update in history] == [PENDING, APPROVED, FAILED, PENDING, APPROVED, AVAILABLE]
    assert {update.message for update in history} == {None}
    instants = [update.created_at for update in history]
    assert instants == sorted(set(instants))
    assert request.completed_at is not None
    assert request.created_at <= instants[-2] <= request.completed_at <= instants[-1]


@wrong(status=[DownloadStatus.FAILED, "gone", None], message=["a\0", 5], request_id=["me"])
async def test_transition_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    request = await stored()
    given = {"request_id": request.id, "status": FAILED, name: value}
    with pytest.raises(InvalidInputError, match=name):
        await media_requests.transition(given.pop("request_id"), **given)
    assert (await media_requests.get(request.id)).status is PENDING


async def test_transition_of_an_unknown_request(db: DatabaseUrl) -> None:
    unknown = uuid4()
    with pytest.raises(NotFoundError, match=str(unknown)):
        await media_requests.transition(unknown, status=FAILED)


async def test_a_failed_request_stays_so_while_another_one_is_open(db: DatabaseUrl) -> None:
    failed = await stored(FAILED, tmdb_id="1")
    open_one = await stored(APPROVED, tmdb_id="1")
    with pytest.raises(DuplicateRequestError, match=str(open_one.id)) as caught:
        await media_requests.transition(failed.id, status=PENDING)
    assert caught.value.request_id == open_one.id
    assert (await media_requests.get(failed.id)).status is FAILED
    assert await media_requests.history(failed.id) == []


async def test_the_status_and_its_history_are_written_together(fresh_db: DatabaseUrl) -> None:
    request = await stored()
    await execute("ALTER TABLE media_request_status_updates ADD CONSTRAINT ck_never CHECK (message <> 'never')")
    with pytest.raises(ConstraintError):
        await media_requests.transition(request.id, status=FAILED, message="never")
    assert (await media_requests.get(request.id)).status is PENDING


async def test_transition_many(db: DatabaseUrl) -> None:
    pending, approved, failed, other = [await stored(status) for status in (PENDING, APPROVED, FAILED, PENDING)]
    unknown = uuid4()
    report = await media_requests.transition_many(
        [failed.id, str(other.id), unknown, approved.id, pending.id, pending.id], status=APPROVED, message="yes"
    )
    assert report == TransitionReport(
        changed=[other, pending],
        refused={failed.id: FAILED, approved.id: APPROVED},
        duplicates={},
        not_found=[unknown],
    )
    assert {request.status for request in report.changed} == {APPROVED}
    updates = await MediaRequestStatusUpdate.all()
    assert {(update.request_id, update.status, update.message) for update in updates} == {
        (other.id, APPROVED, "yes"),
        (pending.id, APPROVED, "yes"),
    }
    assert len(updates) == 2


async def test_transition_many_of_none(db: DatabaseUrl) -> None:
    assert await media_requests.transition_many([], status=FAILED) == TransitionReport([], {}, {}, [])


async def test_transition_many_refuses_all_for_one_bad_id(db: DatabaseUrl) -> None:
    request = await stored()
    with pytest.raises(InvalidInputError, match="request_ids"):
        await media_requests.transition_many([request.id, "me"], status=FAILED)
    assert (await media_requests.get(request.id)).status is PENDING


async def test_of_several_failed_requests_for_a_title_the_oldest_is_pending_again(db: DatabaseUrl) -> None:
    first, second, third = [await stored(FAILED, tmdb_id="1") for _ in range(3)]
    blocked, open_one = await stored(FAILED, tmdb_id="2"), await stored(tmdb_id="2")
    untitled = [await stored(FAILED) for _ in range(2)]
    report = await media_requests.transition_many(
        [third.id, second.id, first.id, blocked.id, open_one.id, *[request.id for request in untitled]], status=PENDING
    )
    assert report == TransitionReport(
        changed=[first, *untitled],
        refused={open_one.id: PENDING},
        duplicates={third.id: first.id, second.id: first.id, blocked.id: open_one.id},
        not_found=[],
    )


async def try_transition(request_id: UUID, status: RequestStatus) -> str:
    """Return `done`, or the error's text."""
    try:
        await media_requests.transition(request_id, status=status)
    except InvalidTransitionError as error:
        return str(error)
    return "done"


async def test_of_many_who_change_a_request_one_wins(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        requests = [(await stored()).id for _ in range(20)]
    outcomes = run_in_processes(approve_all, 8, requests, url=fresh_url, connected=True)
    for request_id, answers in zip(requests, zip(*outcomes, strict=True), strict=True):
        refused = f"media request {request_id} can't change from approved to approved"
        assert sorted(answers) == ["done"] + [refused] * 7
    async with database(fresh_url):
        assert [await statuses(request_id) for request_id in requests] == [["approved"]] * 20


async def approve_all(request_ids: list[UUID]) -> list[str]:
    return [await try_transition(request_id, APPROVED) for request_id in request_ids]


async def change_at_random(request_ids: list[UUID]) -> int:
    """Change random requests in random order, and return the number of changes."""
    chance = random.SystemRandom()  # different in each process
    changes = 0
    for _ in range(60):
        chosen = chance.sample(request_ids, chance.randint(1, len(request_ids)))
        report = await media_requests.transition_many(chosen, status=chance.choice(list(RequestStatus)))
        changes += len(report.changed)
    return changes


async def test_each_change_of_many_at_once_is_allowed_and_in_the_history(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        requests = [(await stored()).id for _ in range(10)]
    changes = run_in_processes(change_at_random, 8, requests, url=fresh_url, connected=True)
    async with database(fresh_url):
        histories = [[PENDING.value, *await statuses(request_id)] for request_id in requests]
        now = [(await media_requests.get(request_id)).status.value for request_id in requests]
    assert sum(changes) == sum(len(history) - 1 for history in histories)
    assert [history[-1] for history in histories] == now
    for history in histories:
        for old, new in itertools.pairwise(history):
            assert RequestStatus(new) in REQUEST_TRANSITIONS[RequestStatus(old)]


async def reopen(request_ids: list[UUID]) -> list[bool]:
    """Try to open each again, and return whether each attempt succeeded."""
    outcomes = []
    for request_id in request_ids:
        try:
            await media_requests.transition(request_id, status=PENDING)
        except (DuplicateRequestError, InvalidTransitionError):
            outcomes.append(False)
        else:
            outcomes.append(True)
    return outcomes


async def test_of_many_failed_requests_for_a_title_one_can_be_opened_again(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        requests = [(await stored(FAILED, tmdb_id=str(number % 10))).id for number in range(80)]
    outcomes = run_in_processes(reopen, 8, requests, url=fresh_url, connected=True)
    assert sum(sum(outcome) for outcome in outcomes) == 10
    async with database(fresh_url):
        assert await MediaRequest.filter(status=PENDING).count() == await MediaRequestStatusUpdate.all().count() == 10


async def test_a_transaction_that_began_early_and_changes_late_comes_late_in_the_history(
    fresh_db: DatabaseUrl,
) -> None:
    request = await stored()
    async with transaction():
        await execute("SELECT now()")
        answer = await asyncio.to_thread(
            run_in_processes, try_transition, 1, request.id, APPROVED, url=fresh_db, connected=True
        )
        assert answer == ["done"]
        await media_requests.transition(request.id, status=AVAILABLE)
    assert await statuses(request.id) == ["approved", "available"]
