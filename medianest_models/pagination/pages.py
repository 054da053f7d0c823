"""Numbered pages."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.arguments import PaginationParams, SortOrder, check_column, choose_ordering
from medianest_models.pagination.compiler import compile_select, fetch, orderings, sort
from medianest_models.pagination.results import PaginatedResult, Pagination

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT", bound=BaseModel | Model, default=ModelT)


async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
) -> PaginatedResult[RowT]:
    """Read one page of a query set's rows, and count all its rows.

    The rows are counted only if the page is full; a shorter page gives the total by itself. A plain
    query set (see `compiler`) is read and counted by one statement, every other one by two.

    Args:
        queryset: The rows. A filter on a to-many relation repeats rows, as in Tortoise: add `distinct()`.
        params: An object with the next four arguments, instead of them.
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: A plain column of the model; None for the query set's `order_by`, with its own directions, or else for
            the model's creation time. The id is always the last sort key.
        sort_order: `asc` or `desc`.
        schema: The class to return instead of models; its fields are read from a model's attributes.

    Raises:
        InvalidPaginationError: The page or the limit is out of range, or the query set is a slice already.
        InvalidSortError: `sort_by` is no plain column or a secret one, or `sort_order` is neither of the two.
        InvalidInputError: The schema does not fit the model.
    """
    given = PaginationParams(page, limit, sort_by, sort_order)
    if params is None:
        params = given
    elif given != PaginationParams():
        raise InvalidPaginationError("params: stands for page, limit, sort_by and sort_order; give one or the other")
    if params.sort_by is not None:
        check_column(queryset.model, params.sort_by)
    ordering = choose_ordering(queryset.model, tuple(orderings(queryset)), params.sort_by, params.sort_order)
    limit, offset = params.limit, params.offset
    select = compile_select(queryset, ordering)
    total = None
    if select is None:
        rows = await sort(queryset, ordering).limit(limit).offset(offset)
    else:
        number = len(select.values)
        page_sql = f"{select.rows_sql} LIMIT ${number + 1} OFFSET ${number + 2}"
        sql = _PAGE_AND_TOTAL.format(page_sql, f"${number + 3}", select.count_sql)
        rows, records = await fetch(queryset.model, select.client, sql, *select.values, limit, offset, limit)
        total = records[0]["medianest_total"] if records else None
    if len(rows) < limit and (rows or offset == 0):
        total = offset + len(rows)
    elif total is None:
        seen = offset + len(rows) if rows else 0
        total = max(seen, await queryset.count())  # rows may be deleted between the two statements
    position = Pagination(page=params.page, limit=limit, total=total, total_pages=-(-total // limit))
    return PaginatedResult.of(rows, schema, pagination=position)


_PAGE_AND_TOTAL: Final = """\
WITH medianest_page AS MATERIALIZED ({0})
SELECT medianest_page.*,
       CASE WHEN (SELECT count(*) FROM medianest_page) = {1} THEN ({2}) END AS medianest_total
FROM medianest_page"""
"""One round trip, in which PostgreSQL counts only when the page is full. The rows of a materialized WITH come in the
order in which they were put there."""
