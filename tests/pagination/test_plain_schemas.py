"""Pages of plain schemas, which are made without models and without pydantic: the same values, and the same JSON."""

import asyncio
import json
import pickle
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import BaseModel, field_serializer, field_validator
from pydantic_core import PydanticSerializationError
from tortoise.fields import BigIntField, BooleanField, IntField, SmallIntField, UUIDField
from tortoise.models import Model

from medianest_models import schemas
from medianest_models.db.statements import fetch
from medianest_models.errors import MedianestError
from medianest_models.fields import JSONField, TimestampField
from medianest_models.models import ActivityLog, MediaRequest, User
from medianest_models.models.hydration import hydrator, plain_schemas
from medianest_models.pagination import CursorPage, PaginatedResult, Pagination, paginate, paginate_by_cursor
from medianest_models.pagination.results import as_schemas, rows_of
from medianest_models.schemas import ActivityLogRead, MediaRequestRead, UserWithoutSecrets
from medianest_models.schemas._declaration import Declared, read_schema
from medianest_models.settings import DatabaseUrl
from tests.models.test_json_columns import documents
from tests.pagination.both_ways import make_rows


class More(BaseModel):
    """A schema that is not of this package."""

    title: str

    @field_serializer("title")
    def _shout(self, title: str) -> str:
        return title.upper()


PLACE = Pagination(page=1, limit=1, total=1, total_pages=1)
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


def page_of(rows: list[Any], schema: type[Any]) -> PaginatedResult[Any]:
    return PaginatedResult.of(rows, schema, pagination=PLACE)


def outcome(make: Any) -> Any:
    try:
        return make()
    except (MedianestError, PydanticSerializationError) as error:
        return type(error), str(error)


def parsed(json_or_error: Any) -> Any:
    """Parse JSON, with all digits of its numbers."""
    return json.loads(json_or_error, parse_float=Decimal) if isinstance(json_or_error, str) else json_or_error


@pytest.mark.parametrize("schema", PLAIN, ids=lambda schema: schema.__name__)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_row_is_what_pydantic_makes_of_its_model(db: DatabaseUrl, schema: Any, data: Any) -> None:
    model = plain_schemas[schema]
    names = sorted(model._meta.fields_db_projection)
    kinds = [column(model, name) for name in names]
    drawn = st.tuples(
        *(
            texts | st.none() if model._meta.fields_map[name].null else texts
            for name, (_, texts) in zip(names, kinds, strict=True)
        )
    )
    rows = data.draw(st.lists(drawn, min_size=1, max_size=3))
    stored = [model._meta.fields_db_projection[name] for name in names]
    columns = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, (kind, _) in zip(stored, kinds, strict=True))
    given_names = ", ".join(f'"{name}"' for name in stored)
    arrays = ", ".join(f"${number}::text[]" for number in range(1, len(names) + 1))
    records = await fetch(
        f"SELECT {columns} FROM unnest({arrays}) AS given ({given_names})", *map(list, zip(*rows, strict=True))
    )
    hydrate = hydrator(model, tuple(records[0].keys()))
    assert hydrate is not None
    expected = outcome(lambda: as_schemas(hydrate(records), schema))
    made = outcome(lambda: rows_of(model, records, schema))
    assert made == expected
    if not isinstance(expected, list):
        return
    assert [repr(row) for row in made] == [repr(row) for row in expected]
    assert [row.model_fields_set for row in made] == [row.model_fields_set for row in expected]
    of_pydantic = outcome(lambda: BaseModel.model_dump_json(page_of(expected, schema)))
    written = outcome(lambda: page_of(made, schema).model_dump_json())
    assert parsed(written) == parsed(of_pydantic)
    assert pickle.loads(pickle.dumps(made)) == expected  # noqa: S301 - made here
    assert [row.model_copy() for row in made] == expected


def test_which_schemas_are_plain() -> None:
    shown = {name for name in schemas.__all__ if name.endswith(("Read", "Secrets"))}
    assert shown - {schema.__name__ for schema in PLAIN} == {"RollingRateLimitRead", "ServiceRead"}


class Own(Declared):
    id: UUID
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
    assert plain_schemas[read_schema(MediaRequest)(Own)] is MediaRequest
    for declared in (OfAnotherType, WithoutNull, WithADefault, WithAValidator):
        assert read_schema(MediaRequest)(declared) not in plain_schemas

    class Derived(MediaRequestRead):
        @field_validator("title")
        @classmethod
        def _shout(cls, title: str) -> str:
            return title.upper()

    assert Derived not in plain_schemas


async def test_another_model_and_a_row_that_was_changed_go_through_pydantic(db: DatabaseUrl) -> None:
    await make_rows()
    with pytest.raises(MedianestError, match=r"^schema: UserWithoutSecrets does not fit the rows: "):
        await paginate(MediaRequest.all(), schema=UserWithoutSecrets)
    page = await paginate(MediaRequest.all(), limit=2, schema=MediaRequestRead)
    first, second = page.data
    first.title, first.request_data = "changed", timedelta(days=1)
    written = json.loads(page.model_dump_json())["data"]
    assert [row["title"] for row in written] == ["changed", second.title]
    assert written[0]["request_data"] == "P1D"
    first.request_data = None
    assert json.loads(page.model_dump_json(by_alias=False))["pagination"]["total_pages"] == page.pagination.total_pages
    assert json.loads(page.model_dump_json(include={"data": {0: {"title"}}})) == {"data": [{"title": "changed"}]}
    page.data.append(More(title="more"))  # type: ignore[arg-type]
    assert json.loads(page.model_dump_json())["data"][2] == {"title": "MORE"}


async def test_a_page_equals_one_that_is_made_of_the_same_values(db: DatabaseUrl) -> None:
    await make_rows()
    page = await paginate(MediaRequest.all(), limit=2, schema=MediaRequestRead)
    assert page == PaginatedResult(data=page.data, pagination=page.pagination)
    assert page == PaginatedResult[MediaRequestRead].model_validate_json(page.model_dump_json())
    assert page == pickle.loads(pickle.dumps(page))  # noqa: S301 - made here
    cursors = await paginate_by_cursor(MediaRequest.all(), limit=2, schema=MediaRequestRead)
    assert cursors == CursorPage(data=cursors.data, next_cursor=cursors.next_cursor, previous_cursor=None)


async def test_a_page_of_a_type_of_its_own_goes_through_pydantic(db: DatabaseUrl) -> None:
    class Shouted(PaginatedResult[MediaRequestRead]):
        @field_serializer("data")
        def _shout(self, data: list[MediaRequestRead]) -> list[str]:
            return [row.title.upper() for row in data]

    await make_rows()
    page = await paginate(MediaRequest.all(), limit=1, schema=MediaRequestRead)
    written = Shouted.of(page.data, MediaRequestRead, pagination=PLACE).model_dump_json()
    assert json.loads(written)["data"] == [page.data[0].title.upper()]


@pytest.mark.parametrize("numbered", [True, False])
async def test_many_pages_at_once(db: DatabaseUrl, numbered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    await make_rows()
    call: Any = paginate if numbered else paginate_by_cursor

    async def both(schema: Any, model: Any) -> tuple[Any, Any]:
        page, models = await call(model.all(), schema=schema), await call(model.all())
        return json.loads(page.model_dump_json())["data"], as_schemas(models.data, schema)

    calls = [(MediaRequestRead, MediaRequest), (UserWithoutSecrets, User), (ActivityLogRead, ActivityLog)] * 10
    for written, rows in await asyncio.gather(*(both(*of) for of in calls)):
        assert written == [json.loads(row.model_dump_json()) for row in rows]
