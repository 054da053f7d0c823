"""Stored values that Python can't represent: each raises an error with its place, and hides no other value."""

from __future__ import annotations

import copy
import datetime
import pickle
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.models import ActivityLog, MediaRequest, Service, User
from medianest_models.pagination import paginate, paginate_by_cursor
from medianest_models.repositories import users
from medianest_models.schemas import ActivityLogRead, UserWithoutSecrets
from medianest_models.testing import a_media_request, a_service, a_user
from tests.models.rows import store

pytestmark = pytest.mark.usefixtures("db")

INSTANTS = [
    "4713-01-01 00:00:00+00 BC",
    "0001-12-31 23:59:59+00 BC",
    "10000-01-01 00:00:00+00",
    "infinity",
    "-infinity",
]
DEEP = "[" * 2_000 + "]" * 2_000
NO_DATETIME = r"an instant that Python has no datetime for \(BC, after the year 9999, or infinity\)$"


async def spoil(row: ActivityLog | User, column: str, value: str) -> None:
    """Write the value to the column, as another client could before a constraint existed."""
    table = row._meta.db_table
    await execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_{column}")
    kind = {"metadata": "jsonb", "created_at": "timestamptz"}.get(column, "text")
    assert await execute(f"UPDATE {table} SET {column} = ($2::text)::{kind} WHERE id = $1", row.id, value) == 1


async def through_tortoise() -> list[ActivityLog]:
    return await ActivityLog.all().order_by("action")


async def with_a_relation() -> list[ActivityLog]:
    return await ActivityLog.all().select_related("user").order_by("action")


async def through_a_page() -> list[ActivityLog]:
    return (await paginate(ActivityLog.all(), sort_by="action", sort_order="asc")).data


async def through_a_cursor() -> list[ActivityLog]:
    return (await paginate_by_cursor(ActivityLog.all(), sort_by="action", sort_order="asc")).data


async def through_sql() -> list[ActivityLog]:
    return [ActivityLog.from_row(row) for row in await fetch("SELECT * FROM activity_logs ORDER BY action")]


async def through_raw() -> list[ActivityLog]:
    rows: list[Any] = await ActivityLog.raw("SELECT * FROM activity_logs ORDER BY action")
    return rows


READERS = [through_tortoise, with_a_relation, through_a_page, through_a_cursor, through_sql, through_raw]
VALUES = [*(("created_at", instant, NO_DATETIME) for instant in INSTANTS), ("metadata", DEEP, "nested too deep$")]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("column", "value", "reason"), VALUES)
async def test_one_hides_neither_the_other_rows_nor_the_other_columns(
    read: Callable[[], Awaitable[list[ActivityLog]]], column: str, value: str, reason: str
) -> None:
    logs = [await ActivityLog.create(action=action, metadata={"a": 1}) for action in "abc"]
    await spoil(logs[1], column, value)
    for _ in range(2):  # the second time on a connection that has already failed on one
        first, bad, last = await read()
        for row, log in ((first, logs[0]), (last, logs[2])):
            assert (row.id, row.metadata) == (log.id, {"a": 1})
            assert row.created_at.tzinfo is datetime.UTC
        assert (bad.id, bad.action, bad.ip_address) == (logs[1].id, "b", None)
        message = rf"^activity_logs\.{column}, in the row with id {bad.id}, can't be read: .*{reason}"
        for use in (lambda: getattr(bad, column), lambda: dict(bad)):  # noqa: B023 - used at once
            with pytest.raises(UnreadableValueError, match=message):
                use()


async def test_what_is_no_member_of_an_enum_is_one_too() -> None:
    user, other = await a_user(), await a_user()
    await spoil(user, "role", "root")
    for read in (await users.get(user.id), (await paginate(User.filter(id=user.id))).data[0]):
        assert read.plex_id == user.plex_id
        with pytest.raises(UnreadableValueError, match=rf"^users\.role, in the row with id {user.id}, can't be read: "):
            _ = read.role
    assert (await users.get(other.id)).role == "user"


async def test_in_a_row_that_another_row_refers_to() -> None:
    user = await a_user()
    await a_media_request(user=user)
    await spoil(user, "created_at", "infinity")
    request = await MediaRequest.all().select_related("user").get()
    assert request.user.plex_id == user.plex_id
    with pytest.raises(UnreadableValueError, match=r"^users\.created_at, in the row with id"):
        _ = request.user.created_at
    with pytest.raises(UnreadableValueError, match=r"^users\.created_at, in the row with id"):
        await paginate(User.all(), schema=UserWithoutSecrets)


@pytest.mark.parametrize(("column", "value", "reason"), VALUES)
async def test_a_page_of_schemas_that_would_show_it_says_which(column: str, value: str, reason: str) -> None:
    good, bad = [await ActivityLog.create(action="a") for _ in range(2)]
    await spoil(bad, column, value)
    for page in (paginate, paginate_by_cursor):
        call: Any = page
        with pytest.raises(UnreadableValueError, match=rf"^activity_logs\.{column}, in the row with id {bad.id}"):
            await call(ActivityLog.all(), sort_by="id", schema=ActivityLogRead)
        assert (await call(ActivityLog.filter(id=good.id), schema=ActivityLogRead)).data[0].id == good.id
    with pytest.raises((UnreadableValueError, InvalidInputError), match=rf"^activity_logs\.{column}: "):
        await ActivityLog.all().values(column)


async def test_it_is_neither_written_nor_lost_when_the_row_is_saved() -> None:
    log = await ActivityLog.create(action="a")
    await spoil(log, "metadata", DEEP)
    read = await ActivityLog.get(id=log.id)
    read.action = "b"
    with pytest.raises(UnreadableValueError, match=r"^activity_logs\.metadata, in the row"):
        await read.save()
    await read.save(update_fields=["action"])
    (row,) = await fetch("SELECT action, metadata::text AS metadata FROM activity_logs")
    assert tuple(row) == ("b", DEEP)
    for twin in (copy.copy(read), copy.deepcopy(read), pickle.loads(pickle.dumps(read))):  # noqa: S301 - our own
        with pytest.raises(UnreadableValueError, match=r"^activity_logs\.metadata, in the row"):
            _ = twin.metadata
        twin.metadata = {"good": 1}
        assert twin.metadata == {"good": 1}
        await twin.save()
    assert (await ActivityLog.get(id=log.id)).metadata == {"good": 1}


async def test_an_attribute_that_is_none_is_told_as_ever() -> None:
    with pytest.raises(AttributeError, match="'ActivityLog' object has no attribute 'nope'"):
        _ = (await ActivityLog.create(action="a")).nope  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue] - the point


# Numbers that do not fit a double.

NUMBERS: dict[str, Any] = {
    "1": 1,
    "-0.5": -0.5,
    "0.30000000000000004": 0.1 + 0.2,
    "18446744073709551615": 2**64 - 1,
    "-9223372036854775808": -(2**63),
    "1" + "0" * 300: 1e300,
    "18446744073709552000": float(2**64),
    "18446744073709551616": Decimal(2**64),
    "18446744073709551617": Decimal(2**64 + 1),
    "1" + "0" * 400: Decimal(10**400),
    "1" + "0" * 100_000: Decimal("1e100000"),
    "0.12345678901234567890123": Decimal("0.12345678901234567890123"),
    "123456789.123456789": Decimal("123456789.123456789"),
    "1" * 400 + ".5": Decimal("1" * 400 + ".5"),
}


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: text[:24])
async def test_a_number_keeps_its_digits(text: str) -> None:
    number = NUMBERS[text]
    log = await ActivityLog.create(action="a")
    await spoil(log, "metadata", f'{{"n": [{text}], "t": "{text[:500]}"}}')
    before = await fetch_one("SELECT metadata::text FROM activity_logs")
    for read in (await ActivityLog.get(id=log.id), (await paginate(ActivityLog.all())).data[0]):
        assert read.metadata == {"n": [number], "t": text[:500]}
        assert type(read.metadata["n"][0]) is type(number)
        await read.save()
    assert await fetch_one("SELECT metadata::text FROM activity_logs") == before
    shown = (await paginate(ActivityLog.all(), schema=ActivityLogRead)).model_dump_json()
    assert str(number).lower() in shown.lower() or text in shown


async def test_a_secret_document_keeps_such_numbers() -> None:
    service = await a_service()
    await store(service, "config_data", f'{{"n": {10**400}, "token": {10**400}, "pass": 1.5}}')
    read = await Service.get(id=service.id)
    assert read.config_data["n"] == Decimal(10**400)
    assert read.config_data["token"].get_secret_value() == str(10**400)
    await read.save()
    again = (await Service.get(id=service.id)).config_data
    assert (again["n"], again["token"].get_secret_value()) == (Decimal(10**400), str(10**400))
    assert again["pass"].get_secret_value() == "1.5"


@pytest.mark.parametrize("levels", [202, 1_000, 2_000])
async def test_a_secret_document_that_can_t_be_read_hides_no_other_column(levels: int) -> None:
    service = await a_service(api_key="key")
    await store(service, "config_data", "[" * levels + "]" * levels)
    read = await Service.get(id=service.id)
    assert read.api_key is not None
    assert read.api_key.get_secret_value() == "key"
    message = rf"^services\.config_data, in the row with id {service.id}, can't be read: .*deep$"
    with pytest.raises(UnreadableValueError, match=message):
        _ = read.config_data
