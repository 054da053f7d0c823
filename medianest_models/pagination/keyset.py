"""Pages that a cursor leads through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel
from tortoise.models import Model

from medianest_models.errors import InvalidCursorError
from medianest_models.pagination.params import SortOrder, check_limit, check_order
from medianest_models.pagination.results import CursorPage
from medianest_models.pagination.sorting import sort_column

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

ModelT = TypeVar("ModelT", bound=Model)
SchemaT = TypeVar("SchemaT", bound=BaseModel)


@overload
async def paginate_by_cursor(
    queryset: QuerySet[ModelT],
    *,
    limit: int = 20,
    cursor: str | None = None,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: None = None,
) -> CursorPage[ModelT]: ...
@overload
async def paginate_by_cursor(
    queryset: QuerySet[ModelT],
    *,
    limit: int = 20,
    cursor: str | None = None,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[SchemaT],
) -> CursorPage[SchemaT]: ...
async def paginate_by_cursor(
    queryset: QuerySet[ModelT],
    *,
    limit: int = 20,
    cursor: str | None = None,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[SchemaT] | None = None,
) -> CursorPage[Any]:
    """The page of the query set's rows that a cursor leads to; the first one without a cursor.

    Raises:
        InvalidPaginationError: The limit is out of range.
        InvalidSortError: The rows can't be sorted by that name.
        InvalidCursorError: The cursor was altered, or was made for another query.
    """
    check_limit(limit)
    check_order(sort_order)
    sign = "-" if sort_order == "desc" else ""
    column = sort_column(queryset.model, sort_by)
    if cursor is not None:
        raise InvalidCursorError
    rows = await queryset.order_by(f"{sign}{column}", f"{sign}id").limit(limit)
    return CursorPage.model_construct(
        data=[schema.model_validate(row, from_attributes=True) for row in rows] if schema else rows,
        next_cursor=None,
        previous_cursor=None,
    )
