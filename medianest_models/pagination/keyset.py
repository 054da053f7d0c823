"""Cursor pages (keyset pagination).

A page begins where the last one ended: `(created_at, id) < ($1, $2)`, which an index on both columns finds at once, at
any depth of the list. (For `created_at < $1 OR (created_at = $1 AND id < $2)` PostgreSQL reads all rows before.) A
comparison with NULL is neither true nor false, so the rows without a value form a separate part of the list; a page
that spans both parts takes two statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncpg import Record
from pydantic import BaseModel
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet
from typing_extensions import TypeVar

from medianest_models.errors import InvalidSortError
from medianest_models.pagination.arguments import PaginationParams, SortOrder, choose_column, shown
from medianest_models.pagination.compiler import RowComparison, compile_select, fetch, orderings, sort
from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.pagination.results import CursorPage, JsonPage
from medianest_models.pagination.rows import Found, PlainSchema, find_plain

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
        schema: The class to return instead of models; its fields are read from a model's attributes. As a cursor
            contains a value of the column that the list is sorted by, `sort_by` must be one of the schema's fields.

    Raises:
        InvalidCursorError: The cursor was altered, or was made for another list, or by a release that wrote cursors in
            another way, which the changelog says: begin with the first page.
        InvalidInputError: As for `paginate`.
    """
    found = await _read(queryset, _params(limit, sort_by, sort_order, schema), cursor)
    page: CursorPage[RowT] = found.page(schema)
    return page


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
    plain = find_plain(queryset.model, schema)
    return (await _read(queryset, _params(limit, sort_by, sort_order, schema), cursor, plain)).json(schema)


def _params(limit: int, sort_by: str | None, sort_order: SortOrder, schema: type[Any] | None) -> PaginationParams:
    """Check the arguments of a page: a caller must not learn from a cursor what the schema hides."""
    params = PaginationParams(1, limit, sort_by, sort_order)
    if schema is not None and sort_by is not None and sort_by not in getattr(schema, "model_fields", [sort_by]):
        raise InvalidSortError(f"sort_by: {schema.__name__} does not show {shown(sort_by)}, which a cursor would")
    return params


async def _read(
    queryset: QuerySet[ModelT], params: PaginationParams, cursor: str | None, plain: PlainSchema | None = None
) -> Found:
    """Read a page, if possible for a plain schema."""
    ordering = choose_column(queryset.model, tuple(orderings(queryset)), params.sort_by, params.sort_order)
    codec = CursorCodec.of(queryset, ordering)
    position = None if cursor is None else codec.decode(cursor)
    backward = position is not None and position.backward
    if backward:
        ordering = tuple((name, not descends) for name, descends in ordering)
    rows: list[Any] = []
    for part in _parts(codec, position, descends=ordering[0][1]):
        missing = params.limit + 1 - len(rows)
        select = compile_select(queryset, ordering, part, fields=plain.fields if plain else None)
        if select is None:
            plain = None
            rows += await sort(queryset, ordering).filter(part).limit(missing)
        else:
            sql, added = select.page(missing)
            rows += await fetch(select, sql, *added)
        if len(rows) > params.limit:
            break
    is_last = len(rows) <= params.limit
    rows = rows[: params.limit]
    if backward:
        rows.reverse()
    has_next, has_previous = (True, not is_last) if backward else (not is_last, cursor is not None)
    cursors = {
        "nextCursor": codec.encode(_beside(codec, rows, position, backward=False)) if has_next else None,
        "previousCursor": codec.encode(_beside(codec, rows, position, backward=True)) if has_previous else None,
    }
    return Found(queryset.model, rows, plain, CursorPage, cursors)


def _beside(codec: CursorCodec, rows: Sequence[Any], position: Position | None, *, backward: bool) -> Position:
    """Return the position of the page before or after these rows.

    An empty page has only one neighbour, on the other side of the position that it was read from.
    """
    if not rows:
        assert position is not None  # noqa: S101 - an empty page has a neighbour only if it was read by a cursor
        return position._replace(backward=backward, inclusive=not position.inclusive)
    row = rows[0] if backward else rows[-1]
    if isinstance(row, Record):
        return Position(backward, inclusive=False, value=row[codec.stored_column], id=row[codec.stored_id])
    return Position(backward, inclusive=False, value=getattr(row, codec.column), id=row.pk)


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
