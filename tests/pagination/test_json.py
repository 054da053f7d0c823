"""Pages as JSON that is made of rows: the same as pydantic makes of the models."""

import asyncio
import json
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import BaseModel, field_validator
from tortoise.fields import BigIntField, BooleanField, IntField, SmallIntField, UUIDField
from tortoise.models import Model

from medianest_models import schemas
from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError, InvalidPaginationError, MedianestError
from medianest_models.fields import JSONField, TimestampField
from medianest_models.models import ActivityLog, MediaRequest, Service, User
from medianest_models.models.hydration import hydrator
from medianest_models.pagination import (
    PaginatedResult,
    PaginationParams,
    UncountedResult,
    pages,
    paginate,
    paginate_by_cursor,
    paginate_by_cursor_json,
    paginate_json,
    rows as page_rows,
)
from medianest_models.pagination.rows import Found, as_schemas, plain_schemas
from medianest_models.schemas import ActivityLogRead, MediaRequestRead, ServiceRead, UserWithoutSecrets
from medianest_models.schemas._declaration import Declared, read_schema
from medianest_models.settings import DatabaseUrl
from tests.models.test_json_columns import documents
from tests.pagination.both_ways import make_rows
from tests.pagination.random_querysets import RandomQuerySet, query_sets
from tests.pagination.rows import make_requests, recorded


class Title(BaseModel):
    """A schema that is not of this package."""

    title: str


PLAIN = [schema for name in schemas.__all__ if (schema := getattr(schemas, name)) in plain_schemas]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NUMBERS = [
    "1e400",
    "-1e-400",
    "0.1",
    "-0.0",
    "1e16",
    "123456789012345678901234567890",
    "0.12345678901234567890123456789",
]
JSON = documents.map(json.dumps) | st.sampled_from(
    [*NUMBERS, '{"a": [1e400]}', "[" * 100 + "]" * 100, "[" * 300 + "]" * 300]
)
INSTANTS = st.datetimes().map(lambda value: f"{value.isoformat()}Z") | st.sampled_from(
    ["0001-01-01Z", "0999-12-31 23:59:59.000001Z", "infinity", "-infinity", "0001-01-01Z BC", "10000-01-01Z"]
)
BITS: dict[type[Any], int] = {SmallIntField: 16, IntField: 32, BigIntField: 64}


def column(model: type[Model], name: str) -> tuple[str, st.SearchStrategy[Any]]:
    """Return the SQL type of a model's column, and texts of its values."""
    field: Any = model._meta.fields_map[name]
    if hasattr(field, "enum_type"):
        members = [str(member.value) for member in field.enum_type]
        kind = "int" if members[0].lstrip("-").isdecimal() else "text"
        return kind, st.sampled_from([*members, "7"])
    if bits := BITS.get(type(field)):
        return "bigint", st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).map(str)
    if isinstance(field, BooleanField):
        return "bool", st.sampled_from(["t", "f"])
    if isinstance(field, JSONField):
        return "jsonb", JSON
    if isinstance(field, TimestampField):
        return "timestamptz", INSTANTS
    return ("uuid", st.uuids().map(str)) if isinstance(field, UUIDField) else ("text", TEXTS)


def parsed(text: str | bytes) -> Any:
    """Parse JSON, with all digits of its numbers."""
    return json.loads(text, parse_float=Decimal)


@pytest.mark.parametrize("schema", PLAIN, ids=lambda schema: schema.__name__)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_row_is_what_pydantic_writes(db: DatabaseUrl, schema: Any, data: Any) -> None:
    plain = plain_schemas[schema]
    model = plain.model
    names = [*dict.fromkeys((*schema.model_fields, *sorted(model._meta.fields_db_projection)))]
    kinds = [column(model, name) for name in names]
    drawn = st.tuples(
        *(
            texts | st.none() if model._meta.fields_map[name].null else texts
            for name, (_, texts) in zip(names, kinds, strict=True)
        )
    )
    row = data.draw(drawn)
    stored = [model._meta.fields_db_projection[name] for name in names]
    columns = ", ".join(
        f'${number}::text::{kind} AS "{name}"'
        for number, (name, (kind, _)) in enumerate(zip(stored, kinds, strict=True), start=1)
    )
    (record,) = await fetch(f"SELECT {columns}", *row)
    written = Found(model, [record], plain, UncountedResult, {}).json(schema).body
    hydrate = hydrator(model, tuple(record.keys()))
    assert hydrate is not None
    try:
        (expected,) = as_schemas(hydrate([record]), schema)
    except MedianestError:  # no table holds such a row, such as one with an instant of the year 10000
        return
    documents_as_stored = {
        name: None if record[stored] is None else parsed(record[stored])
        for name, stored in model._meta.fields_db_projection.items()
        if name in schema.model_fields and isinstance(model._meta.fields_map[name], JSONField)
    }
    without = parsed(expected.model_dump_json(exclude={*documents_as_stored}))
    assert parsed(written) == {"data": [without | documents_as_stored]}


def test_which_schemas_are_plain() -> None:
    shown = {name for name in schemas.__all__ if name.endswith(("Read", "Secrets"))}
    assert shown - {schema.__name__ for schema in PLAIN} == {"RollingRateLimitRead", "ServiceRead"}


class Own(Declared):
    id: UUID
    title: str


@read_schema(MediaRequest)
class TitleRead(Declared):
    title: str


class OfAnotherType(Declared):
    id: UUID
    title: Any


class WithoutNull(Declared):
    id: UUID
    tmdb_id: str


class WithADefault(Declared):
    id: UUID
    title: str = "untitled"


class WithAValidator(Declared):
    id: UUID
    title: str

    @field_validator("title")
    @classmethod
    def _shout(cls, title: str) -> str:
        return title.upper()


def test_a_schema_with_ways_of_its_own_is_not_plain() -> None:
    assert plain_schemas[read_schema(MediaRequest)(Own)].model is MediaRequest
    for declared in (OfAnotherType, WithoutNull, WithADefault, WithAValidator):
        assert read_schema(MediaRequest)(declared) not in plain_schemas

    class Derived(MediaRequestRead):
        @field_validator("title")
        @classmethod
        def _shout(cls, title: str) -> str:
            return title.upper()

    assert Derived not in plain_schemas


async def body(queryset: Any, params: PaginationParams, schema: Any, total: Any) -> Any:
    return parsed((await paginate(queryset, params, schema=schema, total=total)).model_dump_json())


async def outcome(call: Any) -> Any:
    try:
        async with transaction():  # so that an error undoes only a savepoint
            return await call
    except Exception as error:  # noqa: BLE001 - any error must be the same both ways
        return type(error), str(error)


@pytest.fixture
async def rows(db: DatabaseUrl) -> None:
    await make_rows()


READING = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=100
)


@READING
@given(
    queryset=query_sets(),
    page=st.integers(1, 4),
    limit=st.integers(1, 4),
    total=st.sampled_from(["exact", "capped", None]),
)
async def test_numbered_pages(rows: None, queryset: RandomQuerySet, page: int, limit: int, total: Any) -> None:
    params = PaginationParams(page, limit)
    expected = await outcome(body(queryset.build(), params, MediaRequestRead, total))
    written = await outcome(paginate_json(queryset.build(), params, schema=MediaRequestRead, total=total))
    assert (written if isinstance(expected, tuple) else parsed(written.body)) == expected


@READING
@given(
    queryset=query_sets(),
    limit=st.integers(1, 4),
    sort_by=st.sampled_from([None, "id", "title", "completed_at", "status"]),
)
async def test_pages_by_cursor(rows: None, queryset: RandomQuerySet, limit: int, sort_by: Any) -> None:
    cursor, direction = None, "next_cursor"
    for _ in range(8):
        arguments: Any = {"limit": limit, "cursor": cursor, "sort_by": sort_by, "schema": MediaRequestRead}
        page = await outcome(paginate_by_cursor(queryset.build(), **arguments))
        written = await outcome(paginate_by_cursor_json(queryset.build(), **arguments))
        if isinstance(page, tuple):
            assert written == page
            return
        assert parsed(written.body) == parsed(page.model_dump_json())
        assert (written.next_cursor, written.previous_cursor) == (page.next_cursor, page.previous_cursor)
        if page.next_cursor is None:
            direction = "previous_cursor"
        cursor = getattr(page, direction)
        if cursor is None:
            return


@pytest.mark.parametrize("schema", [ServiceRead, Title])
async def test_schemas_that_pydantic_writes(rows: None, schema: Any) -> None:
    queryset: Any = Service.all if schema is ServiceRead else MediaRequest.all
    written = await paginate_json(queryset(), schema=schema)
    by_cursor = await paginate_by_cursor_json(queryset(), schema=schema)
    expected = await paginate(queryset(), schema=schema)
    assert parsed(written.body) == parsed(expected.model_dump_json())
    assert parsed(by_cursor.body)["data"] == parsed(written.body)["data"]


async def test_reads_back_as_the_page(rows: None) -> None:
    params = PaginationParams(limit=2)
    page = await paginate(MediaRequest.all(), params, schema=MediaRequestRead)
    written = await paginate_json(MediaRequest.all(), params, schema=MediaRequestRead)
    assert PaginatedResult[MediaRequestRead].model_validate_json(written.body) == page
    assert page == PaginatedResult(data=page.data, pagination=page.pagination)


async def test_makes_no_models(rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_rows, "hydrator", None)
    async with recorded() as recording:
        written = await paginate_json(MediaRequest.all(), PaginationParams(limit=2), schema=MediaRequestRead)
        await paginate_by_cursor_json(MediaRequest.all(), limit=2, schema=MediaRequestRead)
    assert len(recording) == 2
    assert parsed(written.body)["pagination"] == {"page": 1, "limit": 2, "total": 6, "totalPages": 3}


async def test_reads_only_what_the_schema_shows(rows: None) -> None:
    async with recorded() as recording:
        await paginate_json(User.all(), schema=UserWithoutSecrets)
        await paginate_by_cursor_json(User.all(), schema=UserWithoutSecrets, sort_by="email")
        await paginate_by_cursor_json(MediaRequest.all(), schema=TitleRead, limit=1)
    assert not [sql for sql in recording if "plex_token" in sql]
    assert 'SELECT "title","created_at","id" FROM' in recording[-1]


async def test_a_value_of_another_type_than_its_column_says(db: DatabaseUrl) -> None:
    (record,) = await fetch("SELECT 1.5::numeric AS title")
    with pytest.raises(TypeError, match=r"^Type is not JSON serializable: decimal.Decimal$"):
        Found(MediaRequest, [record], plain_schemas[TitleRead], UncountedResult, {}).json(TitleRead)


async def test_a_capped_total(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_COUNTED", 3)
    await make_requests(5)
    written = await paginate_json(
        MediaRequest.all(), PaginationParams(limit=2), schema=MediaRequestRead, total="capped"
    )
    assert parsed(written.body)["pagination"] == {"page": 1, "limit": 2, "total": 3, "totalPages": 2, "more": True}


async def test_bad_arguments(rows: None) -> None:
    with pytest.raises(InvalidInputError, match=r"^schema: UserWithoutSecrets does not fit the rows: "):
        await paginate_json(MediaRequest.all(), schema=UserWithoutSecrets)
    for no_class in ("MediaRequestRead", [MediaRequestRead], str):
        with pytest.raises(InvalidInputError, match=r"^schema: must be a class of pydantic's$"):
            await paginate_json(MediaRequest.all(), schema=no_class)  # type: ignore[arg-type]
    with pytest.raises(InvalidPaginationError, match=r"^total: must be exact, capped or None, not 'all'$"):
        await paginate_json(MediaRequest.all(), schema=MediaRequestRead, total="all")  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [paginate_json, paginate_by_cursor_json])
async def test_many_pages_at_once(rows: None, call: Any) -> None:
    kinds: list[tuple[Any, Any]] = [
        (MediaRequest, MediaRequestRead),
        (User, UserWithoutSecrets),
        (ActivityLog, ActivityLogRead),
    ]
    expected: list[list[Any]] = [
        as_schemas(await model.all().order_by("-created_at", "-id"), schema) for model, schema in kinds
    ]
    calls = [partial(call, schema=schema)(model.all()) for model, schema in kinds] * 10
    for index, written in enumerate(await asyncio.gather(*calls)):
        assert parsed(written.body)["data"] == [parsed(row.model_dump_json()) for row in expected[index % 3]]
