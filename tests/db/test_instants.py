"""Timestamps out of Python's range: the statement runs again, but no write happens twice."""

from __future__ import annotations

import datetime
import re
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import UnreadableValueError
from medianest_models.models import ActivityLog
from medianest_models.repositories import activity
from medianest_models.settings import DatabaseUrl

OUT_OF_RANGE = "'10000-01-01'::timestamptz"


async def put_out_of_range() -> None:
    await execute("ALTER TABLE activity_logs DROP CONSTRAINT ck_activity_logs_created_at")
    assert await execute(f"UPDATE activity_logs SET created_at = {OUT_OF_RANGE}") == 1


@pytest.mark.usefixtures("db")
async def test_what_was_done_before_it_in_a_transaction_stays_and_what_follows_can_write() -> None:
    await ActivityLog.create(action="a")
    await put_out_of_range()
    async with transaction():
        await ActivityLog.create(action="b")
        async with transaction():
            assert len(await ActivityLog.all().order_by("action")) == 2
            await ActivityLog.create(action="c")
    assert [row.action for row in await ActivityLog.all().order_by("action")] == ["a", "b", "c"]


async def test_outside_of_a_transaction_none_is_left_behind(fresh_db: DatabaseUrl) -> None:
    await ActivityLog.create(action="a")
    await put_out_of_range()
    assert len(await ActivityLog.all().order_by("action")) == 1
    assert (await fetch("SHOW transaction_read_only"))[0][0] == "off"
    assert (await activity.record("b")).action == "b"
    assert len(await ActivityLog.all().order_by("action")) == 2


@pytest.mark.parametrize("in_transaction", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        f"INSERT INTO activity_logs (action) VALUES ('a') RETURNING {OUT_OF_RANGE}",
        f"WITH made AS (INSERT INTO activity_logs (action) VALUES ('a') RETURNING 1) SELECT {OUT_OF_RANGE} FROM made",
        f"SELECT {OUT_OF_RANGE}, nextval('numbers')",
    ],
)
async def test_a_statement_that_writes_is_not_run_twice(
    fresh_db: DatabaseUrl, sql: str, *, in_transaction: bool
) -> None:
    await execute("CREATE SEQUENCE numbers")
    async with transaction() if in_transaction else nullcontext():
        with pytest.raises(UnreadableValueError, match=r"^the statement was carried out, but a row that it returned"):
            await fetch(sql)
    (row,) = await fetch(
        "SELECT (SELECT count(*) FROM activity_logs) + (SELECT last_value * is_called::int FROM numbers) AS done"
    )
    assert row["done"] == 1
    assert (await fetch("SHOW transaction_read_only"))[0][0] == "off"


@pytest.mark.usefixtures("db")
@given(
    instant=st.datetimes(timezones=st.just(datetime.UTC)),
    offset=st.integers(-23 * 60, 23 * 60).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))),
)
@example(datetime.datetime(1, 1, 1, tzinfo=datetime.UTC), datetime.UTC)
@example(datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC), datetime.UTC)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_afterwards_instants_are_what_they_are(instant: datetime.datetime, offset: datetime.tzinfo) -> None:
    await fetch(f"SELECT {OUT_OF_RANGE}")
    with_offset = instant if instant.year in (1, 9999) else instant.astimezone(offset)
    (row,) = await fetch("SELECT $1::timestamptz, $1::timestamptz::text, $2::timestamptz[]", with_offset, [with_offset])
    assert (row[0], row[2]) == (instant, [instant])
    assert row[0].tzinfo is datetime.UTC
    assert re.sub(r"\.?0*\+00$", "", row[1]) == instant.isoformat(" ").removesuffix("+00:00").rstrip("0").rstrip(".")
