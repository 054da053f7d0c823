"""What PostgreSQL plans for the statements of the log."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from medianest_models.pagination import PaginationParams
from medianest_models.repositories import activity
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, seq_scans

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from medianest_models.settings import DatabaseUrl

BY_AGE = "ix_activity_logs_created_at"


async def indexes(call: Coroutine[Any, Any, Any]) -> set[str]:
    """The indexes that a call uses in all; it must not read the log from end to end."""
    plans = await explain_calls(call)
    assert plans
    assert [seq_scans(plan) for plan in plans] == [set()] * len(plans)
    return {name for plan in plans for name in index_names(plan)}


async def test_list_for_user(big_database: DatabaseUrl) -> None:
    assert await indexes(activity.list_for_user(row_id(7))) == {"ix_activity_logs_user_id_created_at"}


async def test_list_for_entity(big_database: DatabaseUrl) -> None:
    call = activity.list_for_entity("media_request", entity_id="17")
    assert await indexes(call) == {"ix_activity_logs_entity_type_entity_id_created_at"}


async def test_list_recent(big_database: DatabaseUrl) -> None:
    assert BY_AGE in await indexes(activity.list_recent(params=PaginationParams(limit=50)))
    assert await indexes(activity.list_recent(action="action.7")) == {"ix_activity_logs_action_created_at"}


async def test_record(big_database: DatabaseUrl) -> None:
    await indexes(activity.record("a", user_id=row_id(7)))


async def test_prune(big_database: DatabaseUrl) -> None:
    call = activity.prune(datetime.timedelta(days=690))
    assert await indexes(call) == {BY_AGE, "pk_activity_logs"}
