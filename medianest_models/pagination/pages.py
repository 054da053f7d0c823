"""Numbered pages."""

from __future__ import annotations

import operator
from typing import Any, Final, Literal, TypeAlias, overload

from pydantic import BaseModel
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.errors import InvalidPaginationError
from medianest_models.pagination.arguments import PaginationParams, SortOrder, choose_ordering, shown
from medianest_models.pagination.compiler import Select, compile_select, count_to, fetch, orderings, sort
from medianest_models.pagination.results import JsonPage, PaginatedResult, UncountedResult
from medianest_models.pagination.rows import Found, PlainSchema, find_plain

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT", bound=BaseModel | Model, default=ModelT)
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
    total: Literal["exact", "capped"] = "exact",
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
) -> Any:
    """Read one page of a query set's rows, and their total; a page past the end is empty.

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
        total: `exact`; `capped`, to count 10,000 rows at most, and to say whether there are `more`; None not to count
            them (`UncountedResult`).

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
    return (await _read(queryset, params, total)).page(schema)


async def paginate_json(
    queryset: QuerySet[Any],
    params: PaginationParams | None = None,
    *,
    schema: type[BaseModel],
    total: Total = "exact",
) -> JsonPage:
    """Read one page of a query set's rows as JSON: that of `paginate`, for less than half of its CPU time.

    Neither models nor schemas are made if the query set is plain (see `compiler`) and the schema shows columns as they
    are, as nearly all of this package do: only these columns are read. Then what is stored is written: also an enum's
    value that only a newer release knows, or a document that is nested too deep for a model; and as a number what fits
    neither 64 bits nor a double, of which pydantic makes a text.

    Args:
        queryset: The rows, as for `paginate`, whose errors are raised here too.
        params: The page; the first twenty rows by default.
        schema: The schema of a row, such as `MediaRequestRead`.
        total: `exact`, `capped` or None, as for `paginate`.
    """
    plain = find_plain(queryset.model, schema)
    return (await _read(queryset, params or PaginationParams(), total, plain)).json(schema)


async def _read(
    queryset: QuerySet[ModelT], params: PaginationParams, total: Total, plain: PlainSchema | None = None
) -> Found:
    """Read a page, if possible for a plain schema."""
    if total not in ("exact", "capped", None):
        raise InvalidPaginationError(f"total: must be exact, capped or None, not {shown(total)}")
    ordering = choose_ordering(queryset.model, tuple(orderings(queryset)), params.sort_by, params.sort_order)
    limit = operator.index(params.limit)  # a plain int, which a member of an enum may not be written as
    offset = params.offset
    most = MAX_COUNTED + 1 if total == "capped" else None
    select = compile_select(queryset, ordering, fields=plain.fields if plain else None)
    count = None
    if select is None:
        plain = None
        rows: list[Any] = await sort(queryset, ordering).limit(limit).offset(offset)
    else:
        sql, added = select.page(limit, offset)
        if total is not None:
            sql = _PAGE_AND_TOTAL.format(sql, limit, select.counting(most))
        rows = await fetch(select, sql, *added)
        count = rows[0]["medianest_total"] if rows and total else None
    position = {"page": params.page, "limit": limit, "total": None, "totalPages": None}
    if total is None:
        return Found(queryset.model, rows, plain, UncountedResult, {"pagination": position})
    if len(rows) < limit and (rows or offset == 0):
        count = offset + len(rows)
    elif count is None:
        seen = offset + len(rows) if rows else 0
        count = max(seen, await _count(queryset, select, most))  # rows may be deleted between the two statements
    counted = min(count, MAX_COUNTED) if most else count
    position |= {"total": counted, "totalPages": -(-counted // limit)}
    if count > counted:
        position["more"] = True
    return Found(queryset.model, rows, plain, PaginatedResult, {"pagination": position})


async def _count(queryset: QuerySet[Any], select: Select | None, most: int | None) -> int:
    """Count the rows, up to a number, by a statement of its own."""
    if select is not None:
        (row,) = await fetch(select, select.counting(most))
        return int(row["count"])
    return await queryset.count() if most is None else await count_to(queryset, most)


_PAGE_AND_TOTAL: Final = """\
WITH medianest_page AS MATERIALIZED ({0})
SELECT medianest_page.*,
       CASE WHEN (SELECT count(*) FROM medianest_page) = {1} THEN ({2}) END AS medianest_total
FROM medianest_page"""
"""One round trip, in which PostgreSQL counts only when the page is full. The rows of a materialized WITH come in the
order in which they were put there."""
