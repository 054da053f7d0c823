"""The results of pagination: the rows, and the page's position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic, Self, TypeVar
from uuid import UUID

import orjson
from asyncpg import Record
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, field_serializer
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError
from tortoise.models import Model

from medianest_models.errors import InvalidInputError, MedianestError, UnreadableValueError, replace_errors
from medianest_models.models.hydration import hydrator, plain_schemas

RowT = TypeVar("RowT")
ModelT = TypeVar("ModelT", bound=Model)
SchemaT = TypeVar("SchemaT", bound=BaseModel)


class _Result(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        arbitrary_types_allowed=True,  # models
    )


class Pagination(_Result):
    """The position of a page in its list.

    Attributes:
        total: The number of rows on all pages.
        total_pages: The number of pages; `totalPages` in JSON.
    """

    page: int
    limit: int
    total: int
    total_pages: int


class CappedPagination(Pagination):
    """The position of a page in a list of which 10,000 rows are counted at most.

    Attributes:
        more: Whether the list has more rows than `total`, which is then 10,000.
    """

    more: bool


class UncountedPagination(_Result):
    """The position of a page in a list that is not counted: both numbers are None, and null in JSON."""

    page: int
    limit: int
    total: None = None
    total_pages: None = None


class _Page(_Result, Generic[RowT]):
    data: list[RowT]
    _of_models: bool = PrivateAttr(default=False)

    @classmethod
    def of(cls, data: list[Any], schema: type[Any] | None, **position: Any) -> Self:
        """Make the page of some rows: of models, or of instances of a schema."""
        page = cls(data=data, **position)
        page._of_models = schema is None
        return page

    def model_dump_json(self, **options: Any) -> str:
        """Write the page as JSON, as pydantic does; without options, the rows of a plain schema five times as fast."""
        rows = None if options or type(self) not in _OF_ANY_ROWS else _plain_json(self.data)
        if rows is None:
            return super().model_dump_json(**options)
        return f'{{"data":{rows},{super().model_dump_json(exclude={"data"})[1:]}'

    def _refuse_models(self) -> None:
        """Refuse to make JSON of models, also of none: the mistake shows up before the first row does."""
        if self._of_models:
            raise PydanticSerializationError("models do not become JSON: give the list or the page a schema")


class PaginatedResult(_Page[RowT], Generic[RowT]):
    """A numbered page: models or schemas (only schemas can become JSON), and the page's position in the list."""

    pagination: Pagination

    @field_serializer("pagination", when_used="json")  # a serializer of `data` would have its rows serialized twice
    def _in_json(self, pagination: Pagination) -> Pagination:
        self._refuse_models()
        return pagination


class CappedResult(_Page[RowT], Generic[RowT]):
    """A numbered page as `PaginatedResult`, of a list of which 10,000 rows are counted at most."""

    pagination: CappedPagination

    @field_serializer("pagination", when_used="json")
    def _in_json(self, pagination: CappedPagination) -> CappedPagination:
        self._refuse_models()
        return pagination


class UncountedResult(_Page[RowT], Generic[RowT]):
    """A numbered page as `PaginatedResult`, of a list that is not counted."""

    pagination: UncountedPagination

    @field_serializer("pagination", when_used="json")
    def _in_json(self, pagination: UncountedPagination) -> UncountedPagination:
        self._refuse_models()
        return pagination


class CursorPage(_Page[RowT], Generic[RowT]):
    """A cursor page: models or schemas (only schemas can become JSON).

    Attributes:
        data: The page's rows.
        next_cursor: The cursor of the next page; None on the last page. `nextCursor` in JSON.
        previous_cursor: The cursor of the previous page; None on the first page. `previousCursor` in JSON.
    """

    next_cursor: str | None
    previous_cursor: str | None

    @field_serializer("next_cursor", when_used="json")
    def _in_json(self, next_cursor: str | None) -> str | None:
        self._refuse_models()
        return next_cursor


_OF_ANY_ROWS: Final = (PaginatedResult, CappedResult, UncountedResult, CursorPage)
"""The pages whose class does not say how their rows become JSON, as `PaginatedResult[Schema]` and a subclass may."""


def rows_of(model: type[ModelT], found: Sequence[ModelT | Record], schema: type[Any] | None) -> list[Any]:
    """Make models, or instances of a schema, of what was found: records with all columns of a model, or models."""
    if not found or isinstance(found[0], model):
        models: Any = found
    else:
        columns = tuple(found[0].keys())  # type: ignore[union-attr]  # they are records
        if isinstance(schema, type) and plain_schemas.get(schema) is model:
            made = hydrator(model, columns, schema)  # type: ignore[arg-type]  # a class has its metaclass's hash
            rows: list[Any] | None = made and made(found)
            if rows is not None:
                return rows
        hydrate = hydrator(model, columns)
        assert hydrate is not None  # noqa: S101 - only what it knows is compiled
        models = hydrate(found)
    return [*models] if schema is None else as_schemas(models, schema)


def _plain_json(rows: list[Any]) -> str | None:
    """Write the rows of a plain schema as JSON; None if it takes pydantic to know what they are."""
    schema = type(rows[0]) if rows else None
    if schema not in plain_schemas or not all(type(row) is schema for row in rows):
        return None
    try:
        return orjson.dumps([vars(row) for row in rows], default=_as_text, option=orjson.OPT_UTC_Z).decode()
    except TypeError:
        return None


def _as_text(value: object) -> str:
    if isinstance(value, UUID):  # asyncpg has its own kind of UUID
        return str(value)
    raise TypeError


def as_schemas(rows: Sequence[Model], schema: type[SchemaT]) -> list[SchemaT]:
    """Make a schema of each row, whose attributes it reads: it has to fit the model, and its relations be fetched."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise InvalidInputError("schema: must be a class of pydantic's")
    with replace_errors(ValidationError, lambda error: _misfit(schema, error)):
        return [schema.model_validate(row, from_attributes=True) for row in rows]


def _misfit(schema: type[BaseModel], error: ValidationError) -> MedianestError:
    problems = error.errors()
    for problem in problems:
        unreadable = problem["msg"].partition(f"{UnreadableValueError.__name__}: ")[2]
        if unreadable:
            return UnreadableValueError(unreadable)
    places = {f"{'.'.join(map(str, problem['loc']))} ({problem['type']})" for problem in problems}
    return InvalidInputError(f"schema: {schema.__name__} does not fit the rows: {', '.join(sorted(places))}")
