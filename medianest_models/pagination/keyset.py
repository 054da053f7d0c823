"""Cursor pages (keyset pagination).

A page begins where the last one ended: `(created_at, id) < ($1, $2)`, which an index on both columns finds at once, at
any depth of the list. (For `created_at < $1 OR (created_at = $1 AND id < $2)` PostgreSQL reads all rows before.) A
comparison with NULL is neither true nor false, so the rows without a value form a separate part of the list; a page
that spans both parts takes two statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from asyncpg import Record
from pydantic import BaseModel
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.pagination.arguments import Ordering, PaginationParams, SortOrder, check_column, choose_column
from medianest_models.pagination.compiler import RowComparison, compile_select, fetch, orderings, sort
from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.pagination.results import CursorPage, JsonPage, rows_of
from medianest_models.pagination.row_json import json_rows

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT", bound=BaseModel | Model, default=ModelT)


async def paginate_by_cursor(
    queryset: QuerySet[ModelT],
    *,
    limit: int = 20,
    cursor: str | None = None,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[RowT] | None = None,
) -> CursorPage[RowT]:
    """Read a query set's page at a cursor, or the first page without one.

    A caller who follows `next_cursor` to the end sees every row that exists all the time exactly once, even while
    others insert and delete rows. A page is empty if all its rows were deleted meanwhile.

    Args:
        queryset: The rows. A cursor is valid only for the filters and values that it was made with, except for
            timestamps, so that a moving window ("the last hour") may change from call to call.
        limit: The most rows on a page, from 1 to 100; it may change from page to page.
        cursor: The `next_cursor` or `previous_cursor` of another page of this list.
        sort_by: As for `paginate`; the query set's `order_by` must be a single plain column.
        sort_order: `asc` or `desc`. NULL is greater than every value.
        schema: The class to return instead of models; its fields are read from a model's attributes.

    Raises:
        InvalidCursorError: The cursor was altered, or was made for another list, or by a release that wrote cursors in
            another way, which the changelog says: begin with the first page.
        InvalidInputError: As for `paginate`.
    """
    found, following, previous = await _read(queryset, limit, cursor, sort_by, sort_order)
    rows = rows_of(queryset.model, found, schema)
    return CursorPage.of(rows, schema, next_cursor=following, previous_cursor=previous)


async def paginate_by_cursor_json(
    queryset: QuerySet[Any],
    *,
    limit: int = 20,
    cursor: str | None = None,
    sort_by: str | None = None,
    sort_order: SortOrder = "desc",
    schema: type[BaseModel],
) -> JsonPage:
    """Read a page as `paginate_by_cursor` does, as JSON; see `paginate_json`."""
    found, following, previous = await _read(queryset, limit, cursor, sort_by, sort_order)
    rows = json_rows(queryset.model, schema, found)
    if rows is None:
        made = rows_of(queryset.model, found, schema)
        return JsonPage.of(CursorPage.of(made, schema, next_cursor=following, previous_cursor=previous))
    cursors = orjson.dumps({"nextCursor": following, "previousCursor": previous})
    return JsonPage(b'{"data":%b,%b' % (rows, cursors[1:]), following, previous)


async def _read(
    queryset: QuerySet[ModelT], limit: int, cursor: str | None, sort_by: str | None, sort_order: SortOrder
) -> tuple[list[ModelT | Record], str | None, str | None]:
    """Read a page: its rows, and the cursors of the next and the previous page.

    The rows are records with all columns of the model, or models that Tortoise has made.
    """
    PaginationParams(limit=limit, sort_order=sort_order)
    if sort_by is not None:
        check_column(queryset.model, sort_by)
    ordering = choose_column(queryset.model, tuple(orderings(queryset)), sort_by, sort_order)
    codec = CursorCodec.of(queryset, ordering)
    position = None if cursor is None else codec.decode(cursor)
    backward = position is not None and position.backward
    if backward:
        ordering = tuple((name, not descends) for name, descends in ordering)
    found = await _read_beyond(queryset, ordering, codec, position, limit + 1)
    more = len(found) > limit
    found = found[:limit]
    if backward:
        found.reverse()
    has_next = backward or more
    has_previous = more if backward else cursor is not None
    return (
        found,
        codec.encode(_beside(codec, found, position, backward=False)) if has_next else None,
        codec.encode(_beside(codec, found, position, backward=True)) if has_previous else None,
    )


def _beside(
    codec: CursorCodec, found: Sequence[Model | Record], position: Position | None, *, backward: bool
) -> Position:
    """Return the position of the page before or after these rows.

    An empty page has only one neighbour, on the other side of the position that it was read from.
    """
    if not found:
        assert position is not None  # noqa: S101 - an empty page has a neighbour only if it was read by a cursor
        return position._replace(backward=backward, inclusive=not position.inclusive)
    row = found[0] if backward else found[-1]
    if isinstance(row, Record):
        return Position(backward, inclusive=False, value=row[codec.stored_column], id=row[codec.stored_id])
    return Position(backward, inclusive=False, value=getattr(row, codec.column), id=row.pk)


async def _read_beyond(
    queryset: QuerySet[ModelT], ordering: Ordering, codec: CursorCodec, position: Position | None, count: int
) -> list[ModelT | Record]:
    """Read the nearest rows beyond a position, in the list's order."""
    rows: list[ModelT | Record] = []
    for part in _parts(codec, position, descends=ordering[0][1]):
        missing = count - len(rows)
        select = compile_select(queryset, ordering, part)
        if select is None:
            rows += await sort(queryset, ordering).filter(part).limit(missing)
        else:
            sql, added = select.page(missing)
            rows += await fetch(select, sql, *added)
        if len(rows) == count:
            break
    return rows


def _parts(codec: CursorCodec, position: Position | None, *, descends: bool) -> list[Q]:
    """Make the filters for the rows beyond a position: for the rest of its part of the list, and for the other part."""
    if position is None:
        return [Q()]
    symbol = ("<" if descends else ">") + ("=" if position.inclusive else "")
    is_null = position.value is None
    place = {codec.stored_id: position.id}
    if not is_null:
        place = {codec.stored_column: position.value} | place
    this_part: dict[str, Any] = {f"{codec.column}__isnull": True} if is_null else {}
    parts = [Q(RowComparison(place, symbol), **this_part)]
    if codec.model._meta.fields_map[codec.column].null and descends == is_null:
        other_part: dict[str, Any] = {f"{codec.column}__isnull": not is_null}
        parts.append(Q(**other_part))
    return parts
