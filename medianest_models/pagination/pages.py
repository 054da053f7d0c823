"""Numbered pages."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, overload

from pydantic import BaseModel
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.arguments import PaginationParams, SortOrder, check_column, choose_ordering, shown
from medianest_models.pagination.compiler import Select, compile_select, fetch, is_read_in_order, orderings, sort
from medianest_models.pagination.results import (
    CappedPagination,
    CappedResult,
    PaginatedResult,
    Pagination,
    UncountedPagination,
    UncountedResult,
    rows_of,
)

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT", bound=BaseModel | Model, default=ModelT)
Total: TypeAlias = Literal["exact", "capped"] | None

MAX_COUNTED: Final = 10_000
"""The most rows that are counted for a capped total."""
_PAGES_WITH_A_PLAN: Final = 5
"""The number of pages at the beginning of a list whose statements contain their limit and offset.

For a parameter there, PostgreSQL expects a tenth of the list in a plan for all values, and so plans each execution
again. Most readers see the first pages only, and a connection keeps no more than a hundred statements.
"""


@overload
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
    total: Literal["exact"] = "exact",
) -> PaginatedResult[RowT]: ...
@overload
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
    total: Literal["capped"],
) -> CappedResult[RowT]: ...
@overload
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
    total: None,
) -> UncountedResult[RowT]: ...
async def paginate(
    queryset: QuerySet[ModelT],
    params: PaginationParams | None = None,
    *,
    page: int = 1,
    limit: int = 20,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
    total: Total = "exact",
) -> PaginatedResult[RowT] | CappedResult[RowT] | UncountedResult[RowT]:
    """Read one page of a query set's rows, and count all its rows.

    The rows are counted only if the page is full; a shorter page gives the total by itself. A plain
    query set (see `compiler`) is read and counted by one statement, every other one by two.

    To count a long list can take longer than to read the page: `total` says how far to count.

    Args:
        queryset: The rows. A filter on a to-many relation repeats rows, as in Tortoise: add `distinct()`.
        params: An object with the next four arguments, instead of them.
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: A plain column of the model; None for the query set's `order_by`, with its own directions, or else for
            the model's creation time. The id is always the last sort key.
        sort_order: `asc` or `desc`.
        schema: The class to return instead of models; its fields are read from a model's attributes.
        total: `exact`; `capped`, to count 10,000 rows at most, and to say whether there are more (`CappedResult`); None
            not to count them (`UncountedResult`).

    Raises:
        InvalidPaginationError: The page or the limit is out of range, `total` is none of the three, or the query set is
            a slice already.
        InvalidSortError: `sort_by` is no plain column or a secret one, or `sort_order` is neither of the two.
        InvalidInputError: The schema does not fit the model.
    """
    given = PaginationParams(page, limit, sort_by, sort_order)
    if params is None:
        params = given
    elif given != PaginationParams():
        raise InvalidPaginationError("params: stands for page, limit, sort_by and sort_order; give one or the other")
    if total not in ("exact", "capped", None):
        raise InvalidPaginationError(f"total: must be exact, capped or None, not {shown(total)}")
    if params.sort_by is not None:
        check_column(queryset.model, params.sort_by)
    ordering = choose_ordering(queryset.model, tuple(orderings(queryset)), params.sort_by, params.sort_order)
    limit, offset = params.limit, params.offset
    select = compile_select(queryset, ordering)
    count = None
    found: list[Any]
    if select is None:
        found = await sort(queryset, ordering).limit(limit).offset(offset)
    else:
        keeps_plan = params.page <= _PAGES_WITH_A_PLAN and is_read_in_order(queryset, ordering)
        found = await fetch(select, *_statement(select, params, total, keeps_plan=keeps_plan))
        count = found[0]["medianest_total"] if found and total else None
    rows = rows_of(queryset.model, found, schema)
    if total is None:
        return UncountedResult.of(rows, schema, pagination=UncountedPagination(page=params.page, limit=limit))
    if len(rows) < limit and (rows or offset == 0):
        count = offset + len(rows)
    elif count is None:
        seen = offset + len(rows) if rows else 0
        count = max(seen, await _count(queryset, select, total))  # rows may be deleted between the two statements
    if total == "capped":
        counted = min(count, MAX_COUNTED)
        position = CappedPagination(**_place(params, counted), more=count > counted)
        return CappedResult.of(rows, schema, pagination=position)
    return PaginatedResult.of(rows, schema, pagination=Pagination(**_place(params, count)))


def _place(params: PaginationParams, total: int) -> dict[str, int]:
    return {"page": params.page, "limit": params.limit, "total": total, "total_pages": -(-total // params.limit)}


def _statement(select: Select, params: PaginationParams, total: Total, *, keeps_plan: bool) -> tuple[Any, ...]:
    """Write the statement that reads a page, and its total if that is wanted and the page is full.

    The values of its own parameters follow it. If it keeps its plan, there are none.
    """
    numbers = () if keeps_plan else (params.limit, params.offset)
    number = len(select.values) + 1
    limit, offset = (f"{params.limit:d}", f"{params.offset:d}") if keeps_plan else (f"${number}", f"${number + 1}")
    page = f"{select.rows_sql} LIMIT {limit} OFFSET {offset}"
    return page if total is None else _PAGE_AND_TOTAL.format(page, limit, _count_sql(select, total)), *numbers


def _count_sql(select: Select, total: Total) -> str:
    if total == "capped":
        return f"SELECT count(*) FROM (SELECT {select.source} LIMIT {MAX_COUNTED + 1}) AS counted"  # noqa: S608 - compiled
    return f"SELECT count(*) {select.source}"


async def _count(queryset: QuerySet[Any], select: Select | None, total: Total) -> int:
    """Count the rows by a statement of its own."""
    if total == "exact":
        return await queryset.count()
    if select is None:  # Tortoise's count() would count all of a slice, too
        return len(await queryset.limit(MAX_COUNTED + 1).values_list(queryset.model._meta.pk_attr))
    (row,) = await fetch(select, _count_sql(select, total))
    return int(row["count"])


_PAGE_AND_TOTAL: Final = """\
WITH medianest_page AS MATERIALIZED ({0})
SELECT medianest_page.*,
       CASE WHEN (SELECT count(*) FROM medianest_page) = {1} THEN ({2}) END AS medianest_total
FROM medianest_page"""
"""One round trip, in which PostgreSQL counts only when the page is full. The rows of a materialized WITH come in the
order in which they were put there."""
