"""Numbered pages."""

from __future__ import annotations

import operator
from typing import Any, Final, Literal, TypeAlias, overload

from asyncpg import Record
from pydantic import BaseModel
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.arguments import PaginationParams, SortOrder, check_column, choose_ordering, shown
from medianest_models.pagination.compiler import Select, compile_select, count_to, fetch, orderings, sort
from medianest_models.pagination.results import (
    CappedPagination,
    CappedResult,
    JsonPage,
    PaginatedResult,
    Pagination,
    UncountedPagination,
    UncountedResult,
    rows_of,
)
from medianest_models.pagination.row_json import json_rows

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT", bound=BaseModel | Model, default=ModelT)
Position: TypeAlias = Pagination | UncountedPagination
Total: TypeAlias = Literal["exact", "capped"] | None

MAX_COUNTED: Final = 10_000
"""The most rows that are counted for a capped total."""


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
    found, position = await _read(queryset, params, total)
    return _result(queryset, found, schema, position)


async def paginate_json(
    queryset: QuerySet[Any],
    params: PaginationParams | None = None,
    *,
    schema: type[BaseModel],
    total: Total = "exact",
) -> JsonPage:
    """Read one page of a query set's rows as JSON: that of `paginate`, for less than half of its CPU time.

    Neither models nor schemas are made if the query set is plain (see `compiler`) and the schema shows columns as they
    are, as nearly all of this package do. Then what is stored is written: also an enum's value that only a newer
    release knows, or a document that is nested too deep for a model; and as a number what fits neither 64 bits nor a
    double, of which pydantic makes a text.

    Args:
        queryset: The rows, as for `paginate`, whose errors are raised here too.
        params: The page; the first twenty rows by default.
        schema: The schema of a row, such as `MediaRequestRead`.
        total: `exact`, `capped` or None, as for `paginate`.
    """
    found, position = await _read(queryset, params or PaginationParams(), total)
    rows = json_rows(queryset.model, schema, found)
    if rows is None:
        return JsonPage.of(_result(queryset, found, schema, position))
    return JsonPage(b'{"data":%b,"pagination":%b}' % (rows, position.model_dump_json().encode()))


async def _read(
    queryset: QuerySet[ModelT], params: PaginationParams, total: Total
) -> tuple[list[ModelT | Record], Position]:
    """Read the rows of a page, and its position: records with all columns, or models that Tortoise has made."""
    if total not in ("exact", "capped", None):
        raise InvalidPaginationError(f"total: must be exact, capped or None, not {shown(total)}")
    if params.sort_by is not None:
        check_column(queryset.model, params.sort_by)
    ordering = choose_ordering(queryset.model, tuple(orderings(queryset)), params.sort_by, params.sort_order)
    limit = operator.index(params.limit)  # a plain int, which a member of an enum may not be written as
    offset = params.offset
    select = compile_select(queryset, ordering)
    count = None
    found: list[ModelT | Record]
    if select is None:
        found = [*await sort(queryset, ordering).limit(limit).offset(offset)]
    else:
        page, added = select.page(limit, offset)
        records = await fetch(select, _statement(select, page, limit, total), *added)
        count = records[0]["medianest_total"] if records and total else None
        found = [*records]
    if total is None:
        return found, UncountedPagination(page=params.page, limit=limit)
    if len(found) < limit and (found or offset == 0):
        count = offset + len(found)
    elif count is None:
        seen = offset + len(found) if found else 0
        count = max(seen, await _count(queryset, select, total))  # rows may be deleted between the two statements
    counted = min(count, MAX_COUNTED) if total == "capped" else count
    place = {"page": params.page, "limit": limit, "total": counted, "total_pages": -(-counted // limit)}
    return found, CappedPagination(**place, more=count > counted) if total == "capped" else Pagination(**place)


def _result(
    queryset: QuerySet[Any], found: list[Any], schema: type[Any] | None, position: Position
) -> PaginatedResult[Any] | CappedResult[Any] | UncountedResult[Any]:
    rows = rows_of(queryset.model, found, schema)
    if isinstance(position, UncountedPagination):
        return UncountedResult.of(rows, schema, pagination=position)
    if isinstance(position, CappedPagination):
        return CappedResult.of(rows, schema, pagination=position)
    return PaginatedResult.of(rows, schema, pagination=position)


def _statement(select: Select, page: str, limit: int, total: Total) -> str:
    """Write the statement that reads a page, and its total if that is wanted and the page is full."""
    return page if total is None else _PAGE_AND_TOTAL.format(page, limit, _count_sql(select, total))


def _count_sql(select: Select, total: Total) -> str:
    if total == "capped":
        return f"SELECT count(*) FROM (SELECT {select.source} LIMIT {MAX_COUNTED + 1}) AS counted"  # noqa: S608 - compiled
    return f"SELECT count(*) {select.source}"


async def _count(queryset: QuerySet[Any], select: Select | None, total: Total) -> int:
    """Count the rows by a statement of its own."""
    if total == "exact":
        return await queryset.count()
    if select is None:
        return await count_to(queryset, MAX_COUNTED + 1)
    (row,) = await fetch(select, _count_sql(select, total))
    return int(row["count"])


_PAGE_AND_TOTAL: Final = """\
WITH medianest_page AS MATERIALIZED ({0})
SELECT medianest_page.*,
       CASE WHEN (SELECT count(*) FROM medianest_page) = {1} THEN ({2}) END AS medianest_total
FROM medianest_page"""
"""One round trip, in which PostgreSQL counts only when the page is full. The rows of a materialized WITH come in the
order in which they were put there."""
