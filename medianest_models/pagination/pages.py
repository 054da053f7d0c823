"""Numbered pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from pydantic import BaseModel
from pypika_tortoise.terms import Parameterizer
from tortoise.models import Model

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.params import PaginationParams, SortOrder
from medianest_models.pagination.querysets import make, refuse_slice, run
from medianest_models.pagination.results import PaginatedResult, Pagination, as_schemas
from medianest_models.pagination.shapes import LIMIT, OFFSET, prepare
from medianest_models.pagination.sorting import check_column, sort

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
    """One page of a query set's rows, and how many there are in all.

    The rows are counted only where the page itself does not tell: not on a page that is shorter than its limit.

    Args:
        queryset: Which rows. A filter through a relation to many repeats rows, as in Tortoise: add `distinct()`.
        params: What to show, in one object; then without the four arguments that follow.
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: A plain column of the model; None for the query set's `order_by`, with its own directions, or
            without that for the model's own column, the one that says when a row came to be. The id ends the order.
        sort_order: `asc` or `desc`.
        schema: What to return instead of models: a schema, whose fields are read from a model's attributes.

    Raises:
        InvalidPaginationError: The page or the limit is no whole number or out of range, or the query set is a
            slice already.
        InvalidSortError: `sort_by` is no plain column or a secret one, or `sort_order` is neither of the two.
        InvalidInputError: The schema does not fit the model.
    """
    given = PaginationParams(page, limit, sort_by, sort_order)
    if params is None:
        params = given
    elif given != PaginationParams():
        raise InvalidPaginationError("params: stands for page, limit, sort_by and sort_order; give one or the other")
    refuse_slice(queryset)
    rows, total = await _fetch(queryset, params)
    return PaginatedResult.model_construct(
        data=as_schemas(rows, schema),
        pagination=Pagination(page=params.page, limit=params.limit, total=total, total_pages=-(-total // params.limit)),
    )


_TOTAL: Final = "medianest_total"

_PAGE_AND_TOTAL: Final = """\
WITH medianest_page AS MATERIALIZED ({page})
SELECT medianest_page.*,
       CASE WHEN (SELECT count(*) FROM medianest_page) = {limit} THEN ({count} LIMIT 1) END AS {total}
FROM medianest_page"""
"""Raw, because Tortoise knows no WITH: one round trip, in which PostgreSQL counts only when the page is full. The rows
of a materialized WITH come in the order in which they were put there."""


async def _fetch(queryset: QuerySet[ModelT], params: PaginationParams) -> tuple[list[ModelT], int]:
    if params.sort_by is not None:
        check_column(queryset.model, params.sort_by)  # before it becomes part of a shape that is kept

    def build() -> tuple[str, list[Any]]:
        return _statement(queryset, params, LIMIT, OFFSET)[1:]

    prepared = prepare(queryset, ("page", params.sort_by, params.sort_order), build, (LIMIT, OFFSET))
    if prepared is None:
        page, sql, values = _statement(queryset, params, params.limit, params.offset)
        rows = await run(page, sql, values, extra=_TOTAL)
        totals = [vars(row).pop(_TOTAL) for row in rows]
    else:
        rows, records = await prepared.fetch(params.limit, params.offset)
        totals = [record[_TOTAL] for record in records[:1]]
    if len(rows) == params.limit:
        return rows, totals[0]
    if rows or params.offset == 0:
        return rows, params.offset + len(rows)
    return rows, await queryset.count()  # anew: a CountQuery that was made once lacks its joins the second time


def _statement(
    queryset: QuerySet[ModelT], params: PaginationParams, limit: int, offset: int
) -> tuple[QuerySet[ModelT], str, list[Any]]:
    """The page's query, and the statement that reads it with its total, with that limit and offset."""
    page = sort(queryset, params.sort_by, params.sort_order).limit(limit).offset(offset)
    count = queryset.count()
    for query in (page, count):
        make(query)
    context = page.query.QUERY_CLS.SQL_CONTEXT.copy(parameterizer=Parameterizer())
    page_sql, _ = page.query.get_parameterized_sql(context)
    count_sql, values = count.query.get_parameterized_sql(context)
    sql = _PAGE_AND_TOTAL.format(page=page_sql, count=count_sql, limit=f"${len(values) + 1}", total=_TOTAL)
    return page, sql, [*values, limit]
