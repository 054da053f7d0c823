"""Pages that are equally fast at both ends of a table, and counts that are fast for any list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tortoise.queryset import QuerySet

from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidCursorError
from medianest_models.pagination import CursorPage, paginate_by_cursor

COUNTED: Final = 10_000
"""The largest number of rows that is counted exactly; a larger one is estimated or unknown."""

# Raw, because Tortoise's count() ignores a limit.
_COUNT: Final = "SELECT count(*) AS number FROM ({rows}) AS counted"

# Raw, because it reads PostgreSQL's own statistics of a table, or of its partitions: -1 before an ANALYZE. One of a
# partitioned table counts the rows of its partitions once more.
_ESTIMATE: Final = """
SELECT sum(greatest(reltuples, 0))::bigint AS number
FROM pg_class
WHERE relkind = 'r' AND (oid = to_regclass($1) OR oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1))))
"""


@dataclass(frozen=True)
class Page:
    """A page of a list, and the URL parameters of the neighbouring pages; None at an end of the list."""

    rows: list[Any]
    previous: dict[str, str | None] | None
    next: dict[str, str | None] | None


@dataclass(frozen=True)
class Count:
    """The number of rows of a list."""

    number: int
    """`COUNTED` plus one if there are more, but their number is unknown."""
    text: str
    """As shown: `12`, `about 1,000,000`, `more than 10,000`."""


async def read_page(
    queryset: QuerySet[Any], parameters: Mapping[str, str], *, limit: int, sort: tuple[str, str]
) -> Page:
    """Read a list's page for the parameters of a URL; the first page if the cursor is no longer valid.

    The parameters are `cursor`, and `end` to read from the end, which is the beginning of the list in reverse order.
    The list is sorted by a column, which `asc` or `desc` follows.

    Raises:
        InvalidSortError: The list can't be sorted by that column.
    """
    column, order = sort
    from_end = "end" in parameters
    ascends = (order == "asc") != from_end
    read = partial(paginate_by_cursor, queryset, limit=limit, sort_by=column, sort_order="asc" if ascends else "desc")
    try:
        page: CursorPage[Any] = await read(cursor=parameters.get("cursor"))
    except InvalidCursorError:
        page = await read()
    before, after = _beside(page.previous_cursor, from_end=from_end), _beside(page.next_cursor, from_end=from_end)
    return Page(page.data[::-1], after, before) if from_end else Page(page.data, before, after)


def _beside(cursor: str | None, *, from_end: bool) -> dict[str, str | None] | None:
    return None if cursor is None else {"cursor": cursor, "end": "1" if from_end else None}


async def count_rows(queryset: QuerySet[Any], *, whole_table: bool) -> Count:
    """Count the rows of a list, which may be those of the whole table, without reading many of them."""
    rows = queryset.only(queryset.model._meta.pk_attr).limit(COUNTED + 1)
    rows.sql()  # makes the query
    sql, values = rows.query.get_parameterized_sql()
    ((number,),) = await fetch(_COUNT.format(rows=sql), *values)
    if number <= COUNTED:
        return Count(number, f"{number:,}")
    if whole_table:
        ((estimate,),) = await fetch(_ESTIMATE, queryset.model._meta.db_table)
        if estimate > COUNTED:
            return Count(estimate, f"about {estimate:,}")
    return Count(number, f"more than {COUNTED:,}")
