"""The results of pagination: the rows, and the page's position."""

from __future__ import annotations

import operator
from typing import Any, Generic, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SerializerFunctionWrapHandler, field_serializer
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError

RowT = TypeVar("RowT")


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
        total: The number of rows on all pages; of a capped total, 10,000 at most.
        total_pages: The number of pages; `totalPages` in JSON.
        more: Whether the list has more rows than a capped `total`. JSON and `model_dump` have it only then.
    """

    page: int
    limit: int
    total: int
    total_pages: int
    more: bool = Field(default=False, exclude_if=operator.not_)


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

    # Without a return type, which pydantic would take for the position's own.
    @field_serializer("pagination", "next_cursor", mode="wrap", when_used="json", check_fields=False)
    def _refuse_models(self, position: Any, serialize: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def] # noqa: ANN202
        """Refuse to make JSON of models, also of none: the mistake shows up before the first row does."""
        if self._of_models:
            raise PydanticSerializationError("models do not become JSON: give the list or the page a schema")
        return serialize(position)


class PaginatedResult(_Page[RowT], Generic[RowT]):
    """A numbered page: models or schemas (only schemas can become JSON), and the page's position in the list."""

    pagination: Pagination


class UncountedResult(_Page[RowT], Generic[RowT]):
    """A numbered page as `PaginatedResult`, of a list that is not counted."""

    pagination: UncountedPagination


class CursorPage(_Page[RowT], Generic[RowT]):
    """A cursor page: models or schemas (only schemas can become JSON).

    Attributes:
        data: The page's rows.
        next_cursor: The cursor of the next page; None on the last page. `nextCursor` in JSON.
        previous_cursor: The cursor of the previous page; None on the first page. `previousCursor` in JSON.
    """

    next_cursor: str | None
    previous_cursor: str | None


class JsonPage(NamedTuple):
    """A page as JSON.

    Attributes:
        body: The JSON of a `PaginatedResult`, an `UncountedResult` or a `CursorPage`.
        next_cursor: The cursor of the next page, if there is one.
        previous_cursor: The cursor of the previous page, if there is one.
    """

    body: bytes
    next_cursor: str | None = None
    previous_cursor: str | None = None

    @classmethod
    def of(cls, page: _Page[Any]) -> JsonPage:
        """Write a page as JSON."""
        cursors = (page.next_cursor, page.previous_cursor) if isinstance(page, CursorPage) else ()
        return cls(page.model_dump_json().encode(), *cursors)
