"""Numbered pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel
from tortoise.models import Model

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.params import PaginationParams, SortOrder
from medianest_models.pagination.results import PaginatedResult, Pagination
from medianest_models.pagination.sorting import sort_column

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

ModelT = TypeVar("ModelT", bound=Model)
SchemaT = TypeVar("SchemaT", bound=BaseModel)


@overload
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: None = None,
) -> PaginatedResult[ModelT]: ...
@overload
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[SchemaT],
) -> PaginatedResult[SchemaT]: ...
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[SchemaT] | None = None,
) -> PaginatedResult[Any]:
    """One page of the query set's rows, and how many there are in all.

    Args:
        queryset: Which rows.
        params: Which page, in one object; then without the four arguments that follow.
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: A plain column of the model; None for the query set's `order_by`, else the model's own column.
        sort_order: `asc` or `desc`.
        schema: What to return instead of models: a schema that reads attributes.

    Raises:
        InvalidPaginationError: The page or the limit is out of range.
        InvalidSortError: The rows can't be sorted by that name.
    """
    given = PaginationParams(page, limit, sort_by, sort_order)
    if params is None:
        params = given
    elif given != PaginationParams():
        raise InvalidPaginationError("params: stands for page, limit, sort_by and sort_order: give one or the other")
    sign = "-" if params.sort_order == "desc" else ""
    column = sort_column(queryset.model, params.sort_by)
    rows = await queryset.order_by(f"{sign}{column}", f"{sign}id").limit(params.limit).offset(params.offset)
    total = await queryset.count()
    return PaginatedResult.model_construct(
        data=[schema.model_validate(row, from_attributes=True) for row in rows] if schema else rows,
        pagination=Pagination(page=params.page, limit=params.limit, total=total, total_pages=-(-total // params.limit)),
    )
