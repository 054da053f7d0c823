"""What a caller gets: the rows of a page, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from medianest_models.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tortoise.models import Model

RowT = TypeVar("RowT")

_CONFIG: Final = ConfigDict(
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    arbitrary_types_allowed=True,  # models
)


class Pagination(BaseModel):
    """Where a page stands in its list.

    Attributes:
        page: Its number, from 1.
        limit: The most rows on a page.
        total: The rows of all pages.
        total_pages: How many pages they fill; `totalPages` in JSON.
    """

    model_config = _CONFIG

    page: int
    limit: int
    total: int
    total_pages: int


class PaginatedResult(BaseModel, Generic[RowT]):
    """A numbered page of a list: of models, or of schemas, which alone can become JSON.

    Attributes:
        data: The page's rows; none past the end.
        pagination: Where it stands.
    """

    model_config = _CONFIG

    data: list[RowT]
    pagination: Pagination


class CursorPage(BaseModel, Generic[RowT]):
    """A page of a list that cursors lead through: of models, or of schemas, which alone can become JSON.

    Attributes:
        data: The page's rows.
        next_cursor: Leads to the page after this one; None on the last. `nextCursor` in JSON.
        previous_cursor: Leads to the page before this one; None on the first. `previousCursor` in JSON.
    """

    model_config = _CONFIG

    data: list[RowT]
    next_cursor: str | None
    previous_cursor: str | None


def as_schemas(rows: Sequence[Model], schema: type[BaseModel] | None) -> Sequence[Any]:
    """The rows, each as a schema that reads its attributes; the rows themselves without a schema.

    Raises:
        InvalidInputError: The schema does not fit the model, or needs a relation that was not fetched.
    """
    if schema is None:
        return rows
    try:
        return [schema.model_validate(row, from_attributes=True) for row in rows]
    except ValidationError as error:
        problems = {f"{'.'.join(map(str, detail['loc']))} ({detail['type']})" for detail in error.errors()}
    # outside of `except`: the ValidationError holds the values
    raise InvalidInputError(f"schema: {schema.__name__} does not fit the rows: {', '.join(sorted(problems))}")
