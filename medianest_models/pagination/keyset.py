"""Pages that cursors lead through.

A page begins where the last one ended: `(created_at, id) < ($1, $2)`, which an index on both columns finds at once,
however far it is from the beginning. (`created_at < $1 OR (created_at = $1 AND id < $2)` means the same, and PostgreSQL
reads everything before it.) A comparison with NULL is neither true nor false, so that the rows without a value
are a part of the list of their own; a page that reaches from one part into the other takes two statements.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from pydantic import BaseModel
from pypika_tortoise.terms import Tuple
from tortoise.expressions import Q, ResolveContext
from tortoise.models import Model
from tortoise.query_utils import QueryModifier

from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.pagination.params import SortOrder, check_limit
from medianest_models.pagination.querysets import parameterized, refuse_slice
from medianest_models.pagination.results import CursorPage, as_schemas
from medianest_models.pagination.shapes import LIMIT, ShapedQ, prepare
from medianest_models.pagination.sorting import SortKey, sort_key

if TYPE_CHECKING:
    from collections.abc import Hashable

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
    """The page of a query set's rows that a cursor leads to; the first one without a cursor.

    Whoever follows `next_cursor` to the end sees each row that was there all the time exactly once, while others
    insert and delete. A page is empty when the rows it would have had were deleted meanwhile.

    Args:
        queryset: Which rows. A cursor holds for the filters and values it was made with, except for instants, so
            that the end of a moving window ("the last hour") may change from call to call.
        limit: The most rows on a page, from 1 to 100; it may change from page to page.
        cursor: The `next_cursor` or `previous_cursor` of another page of this list.
        sort_by: A plain column of the model; None for the one column of the query set's `order_by`, with its own
            direction, or without that for the model's own column. The id ends the order.
        sort_order: `asc` or `desc`. NULL is greater than every value.
        schema: What to return instead of models: a schema, whose fields are read from a model's attributes.

    Raises:
        InvalidPaginationError: The limit is no whole number or out of range, or the query set is a slice already.
        InvalidSortError: `sort_by` is no plain column or a secret one, or `sort_order` is neither of the two.
        InvalidCursorError: The cursor was altered, or was made for another list.
        InvalidInputError: The schema does not fit the model.
    """
    check_limit(limit)
    refuse_slice(queryset)
    key = sort_key(queryset, sort_by, sort_order)
    codec = CursorCodec.of(queryset, key)
    position = None if cursor is None else codec.decode(cursor)
    backward = position is not None and position.backward
    rows = await _read(queryset, key, position, limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    if backward:
        rows.reverse()
    before, after = _edges(key, rows, position)
    return CursorPage.model_construct(
        data=as_schemas(rows, schema),
        next_cursor=codec.encode(after) if after and (backward or more) else None,
        previous_cursor=codec.encode(before) if before and (more if backward else cursor is not None) else None,
    )


def _edges(
    key: SortKey[ModelT], rows: list[ModelT], position: Position | None
) -> tuple[Position | None, Position | None]:
    """Where the page before these rows ends, and where the one after them begins.

    An empty page has one neighbour, on the other side of the position that it was read from.
    """
    if rows:
        return _beside(key, rows[0], backward=True), _beside(key, rows[-1], backward=False)
    if position is None:
        return None, None
    other = replace(position, backward=not position.backward, inclusive=not position.inclusive)
    return (other, None) if other.backward else (None, other)


def _beside(key: SortKey[ModelT], row: ModelT, *, backward: bool) -> Position:
    return Position(backward=backward, inclusive=False, value=getattr(row, key.column), id=row.pk)


async def _read(
    queryset: QuerySet[ModelT], key: SortKey[ModelT], position: Position | None, count: int
) -> list[ModelT]:
    """The nearest rows beyond a position, in the order in which they lie on the way."""
    rows: list[ModelT] = []
    backward = position is not None and position.backward
    for part in _parts(key, position):
        rows += await _read_part(queryset, key, part, count - len(rows), backward=backward)
        if len(rows) == count:
            break
    return rows


async def _read_part(
    queryset: QuerySet[ModelT], key: SortKey[ModelT], part: Q, count: int, *, backward: bool
) -> list[ModelT]:
    def query(limit: int) -> QuerySet[ModelT]:
        return key.sort(queryset, backward=backward).filter(part).limit(limit)

    variant = ("cursor", key.column, key.descending != backward)
    prepared = prepare(queryset, variant, lambda: parameterized(query(LIMIT)), (LIMIT,), also=part)
    if prepared is None:
        return await query(count)
    rows, _ = await prepared.fetch(count)
    return rows


def _parts(key: SortKey[Any], position: Position | None) -> list[Q]:
    """The filters for what lies beyond a position: the rest of its part of the list, and the other part."""
    if position is None:
        return [Q()]
    parts: list[Q] = [_Beyond(key, position)]
    descending = key.descending != position.backward
    if key.is_nullable and descending == (position.value is None):
        without_value: dict[str, Any] = {f"{key.column}__isnull": position.value is not None}
        parts.append(Q(**without_value))
    return parts


class _Beyond(ShapedQ):
    """The rows beyond a position, of those that have a value as it has, or have none as it has none."""

    __slots__ = ("_key", "_position")

    def __init__(self, key: SortKey[Any], position: Position) -> None:
        super().__init__()
        self._key = key
        self._position = position

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        key, position, table = self._key, self._position, resolve_context.table
        compare = _BEYOND[key.descending != position.backward, position.inclusive]
        parameters = key.parameters(position.value, position.id)
        known = {name: value for name, value in parameters.items() if value is not None}
        beyond = compare(Tuple(*(table[name] for name in known)), Tuple(*known.values()))
        for name in parameters.keys() - known:
            beyond &= table[name].isnull()
        return QueryModifier(where_criterion=beyond)

    def shape(self) -> tuple[Hashable, list[Any]]:
        key, position = self._key, self._position
        parameters = key.parameters(position.value, position.id)
        known = [value for value in parameters.values() if value is not None]
        return (key.column, key.descending != position.backward, position.inclusive, len(known)), known


_BEYOND: Final = {
    (False, False): operator.gt,
    (False, True): operator.ge,
    (True, False): operator.lt,
    (True, True): operator.le,
}
"""How rows beyond a position compare to it, in an ascending or descending list, without or with its own row."""
