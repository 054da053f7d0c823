"""What PostgreSQL plans for the statements of media requests."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.enums import RequestStatus
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import media_requests
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, seq_scans

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from medianest_models.settings import DatabaseUrl

BY_USER = "ix_media_requests_user_id_created_at"
BY_STATUS = "ix_media_requests_status_created_at"
BY_AGE = "ix_media_requests_created_at"
BY_TMDB_ID = "ix_media_requests_tmdb_id_media_type"
BY_OPEN_TITLE = "uq_media_requests_tmdb_id_media_type"
UPDATES = "ix_media_request_status_updates_request_id_created_at"


async def indexes(call: Coroutine[Any, Any, Any]) -> set[str]:
    """The indexes that a call uses in all; it must not read a large table from end to end."""
    plans = await explain_calls(call)
    assert plans
    assert [seq_scans(plan) for plan in plans] == [set()] * len(plans)
    # Without those of the driver, which looks up what an array of UUIDs is.
    return {name for plan in plans for name in index_names(plan) if not name.startswith("pg_")}


async def test_get(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.get(row_id(5))) == {"pk_media_requests"}


async def test_find_by_tmdb_id(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.find_by_tmdb_id("17")) == {BY_TMDB_ID}
    assert await indexes(media_requests.find_by_tmdb_id("17", media_type="tv")) == {BY_TMDB_ID}


async def test_find_by_overseerr_id(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.find_by_overseerr_id("o18")) == {"ix_media_requests_overseerr_id"}


async def test_list_for_user(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.list_for_user(row_id(7))) == {BY_USER}
    assert await indexes(media_requests.list_for_user(row_id(7), params=PaginationParams(page=2))) == {BY_USER}


DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("filters", "intended"),
    [
        ({"user_id": row_id(7), "status": RequestStatus.FAILED}, BY_USER),
        ({"user_id": row_id(7), "media_type": "tv"}, BY_USER),
        ({"status": RequestStatus.PENDING}, BY_STATUS),
        ({"status": RequestStatus.PENDING, "media_type": "tv"}, BY_STATUS),
        ({"created_from": datetime.datetime.now(datetime.UTC) - DAY}, BY_AGE),
        (
            {
                "created_from": datetime.datetime.now(datetime.UTC) - 9 * DAY,
                "created_to": datetime.datetime.now(datetime.UTC) - 8 * DAY,
            },
            BY_AGE,
        ),
    ],
)
async def test_list_by_filters(big_database: DatabaseUrl, filters: dict[str, Any], intended: str) -> None:
    assert intended in await indexes(media_requests.list_by_filters(**filters))


async def test_counts_by_status(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.counts_by_status()) == {BY_STATUS}
    assert await indexes(media_requests.counts_by_status(user_id=row_id(7))) == {BY_USER}


async def test_history(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.history(row_id(5))) == {"pk_media_requests", UPDATES}


async def test_submit(big_database: DatabaseUrl) -> None:
    await indexes(media_requests.submit(row_id(7), title="T", media_type="movie", tmdb_id="new"))


async def test_transition(big_database: DatabaseUrl) -> None:
    assert await indexes(media_requests.transition(row_id(99), status=RequestStatus.APPROVED)) <= {
        "pk_media_requests",
        BY_OPEN_TITLE,
    }


async def test_transition_many(big_database: DatabaseUrl) -> None:
    ids = [row_id(number * 100 + 94) for number in range(50)]
    assert await indexes(media_requests.transition_many(ids, status=RequestStatus.PENDING)) <= {
        "pk_media_requests",
        BY_OPEN_TITLE,
        BY_TMDB_ID,
    }
