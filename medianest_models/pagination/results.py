"""The results of a page: its rows, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from medianest_models.errors import InvalidInputError, MedianestError, UnreadableValueError, replace_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tortoise.models import Model

RowT = TypeVar("RowT")
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
    """The place of a page in its list.

    Attributes:
        total: The rows of all pages.
        total_pages: The pages that they fill; `totalPages` in JSON.
    """

    page: int
    limit: int
    total: int
    total_pages: int


class PaginatedResult(_Result, Generic[RowT]):
    """A numbered page of a list: models or schemas, which alone can become JSON, and the page's place in the list."""

    data: list[RowT]
    pagination: Pagination


class CursorPage(_Result, Generic[RowT]):
    """A page of a list that cursors lead through: models or schemas, which alone can become JSON.

    Attributes:
        data: The page's rows.
        next_cursor: Leads to the page after this one; None on the last. `nextCursor` in JSON.
        previous_cursor: Leads to the page before this one; None on the first. `previousCursor` in JSON.
    """

    data: list[RowT]
    next_cursor: str | None
    previous_cursor: str | None


def as_schemas(rows: Sequence[Model], schema: type[SchemaT]) -> list[SchemaT]:
    """Make a schema of each row, whose attributes it reads: it has to fit the model, and its relations be fetched."""
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
