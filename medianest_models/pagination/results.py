"""What a caller gets: the rows of a page, and where it stands."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

RowT = TypeVar("RowT")

_JSON = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)


class Pagination(BaseModel):
    """Where a page stands in its list.

    Attributes:
        page: Its number, from 1.
        limit: The most rows on a page.
        total: The rows of all pages.
        total_pages: How many pages they fill; `totalPages` in JSON.
    """

    model_config = _JSON

    page: int
    limit: int
    total: int
    total_pages: int


class PaginatedResult(BaseModel, Generic[RowT]):
    """A numbered page of a list: models, or schemas, which alone can become JSON.

    Attributes:
        data: The page's rows; none past the end.
        pagination: Where it stands.
    """

    model_config = _JSON

    data: list[RowT]
    pagination: Pagination


class CursorPage(BaseModel, Generic[RowT]):
    """A page of a list that a cursor leads through: models, or schemas, which alone can become JSON.

    Attributes:
        data: The page's rows.
        next_cursor: Leads to the page after this one; None on the last. `nextCursor` in JSON.
        previous_cursor: Leads to the page before this one; None on the first. `previousCursor` in JSON.
    """

    model_config = _JSON

    data: list[RowT]
    next_cursor: str | None
    previous_cursor: str | None
