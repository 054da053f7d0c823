"""The statements whose text is known."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from tortoise.models import Model

from medianest_models.models.hydration import hydrator
from medianest_models.pagination.querysets import filters as filters_of
from medianest_models.pagination.shapes.filters import shape_of
from medianest_models.pagination.shapes.support import is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from tortoise.expressions import Q
    from tortoise.queryset import QuerySet

ModelT = TypeVar("ModelT", bound=Model)

MOST_SHAPES: Final = 512
LIMIT: Final = 2**40 + 1
OFFSET: Final = 2**40 + 2
"""What stands for the two numbers when a statement is made: parameters that no filter is likely to have."""

Built: TypeAlias = tuple[str, list[Any]]


@dataclass(slots=True)
class _Statement:
    """A statement's text, and where its parameters come from.

    Attributes:
        base: The query that it was made from, which is another one after Tortoise was initialised again.
        sql: The text; None when such a query set has to go Tortoise's own way.
        places: For each parameter its index in the filters' values and the numbers after them.
    """

    base: object = None
    sql: str | None = None
    places: tuple[int, ...] = ()


@dataclass(slots=True)
class Prepared(Generic[ModelT]):
    """A statement with the values of a query set's filters."""

    _queryset: QuerySet[ModelT]
    _statement: _Statement
    _sql: str
    _values: list[Any]

    async def fetch(self, *numbers: int) -> tuple[list[ModelT], Sequence[Mapping[str, Any]]]:
        """Run it.

        Args:
            *numbers: What stands in the place of `LIMIT` and `OFFSET`, in the order that `prepare` was given.

        Returns:
            The models, and the rows that they were made of.
        """
        given = (*self._values, *numbers)
        client = self._queryset._choose_db()  # noqa: SLF001 - no public name
        _, rows = await client.execute_query(self._sql, [given[place] for place in self._statement.places])
        if not rows:
            return [], []
        hydrate = hydrator(self._queryset.model, tuple(rows[0].keys()))
        assert hydrate is not None  # noqa: S101 - `prepare` has asked whether the model is known
        return hydrate(rows), rows


@functools.lru_cache(maxsize=MOST_SHAPES)
def _statement_of(*shape: Hashable) -> _Statement:  # noqa: ARG001 - what it is found by
    """The statement of a shape; an empty one at first."""
    return _Statement()


def prepare(
    queryset: QuerySet[ModelT],
    variant: Hashable,
    build: Callable[[], Built],
    numbers: tuple[int, ...],
    *,
    also: Q | None = None,
) -> Prepared[ModelT] | None:
    """The statement of a query set, if its shape is understood.

    Args:
        queryset: Which rows.
        variant: What else the statement's text depends on.
        build: Makes the statement and its parameters Tortoise's own way, with `numbers` in the place of the numbers.
        numbers: `LIMIT` and `OFFSET`, or one of them.
        also: Another filter.

    Returns:
        None when the query set has to go Tortoise's own way.
    """
    model = queryset.model
    if not is_known(type(queryset), model) or not _is_plain(queryset):
        return None
    values: list[Any] = []
    try:
        nodes = [shape_of(node, model, values) for node in filters_of(queryset)]
        if also is not None:
            nodes.append(shape_of(also, model, values))
        orderings = tuple(queryset._orderings)  # noqa: SLF001 - no public name
        statement = _statement_of(model, queryset._distinct, orderings, variant, *nodes)  # noqa: SLF001
    except Exception:  # noqa: BLE001 - whatever is wrong with a value, Tortoise's own way says it
        return None
    base = model._meta.basequery_all_fields
    if statement.base is not base:
        _fill(statement, base, [*values, *numbers], build)
    if statement.base is not base or statement.sql is None:
        return None
    return Prepared(queryset, statement, statement.sql, values)


def _fill(statement: _Statement, base: object, given: list[Any], build: Callable[[], Built]) -> None:
    """Makes the statement, and finds out which parameter is which of the given values.

    Where two of these are equal that can't be seen; then it stays empty until another call.
    """
    places = {(type(value), value): place for place, value in enumerate(given)}
    if len(places) < len(given):
        return
    sql, parameters = build()
    found = [places.get((type(value), value)) for value in parameters]
    statement.places = tuple(place for place in found if place is not None)
    # All of them, or a value stands in the text; and no other ones, or a value was changed on its way.
    is_understood = None not in found and set(found) == set(range(len(given)))
    statement.base, statement.sql = base, sql if is_understood else None


def _is_plain(queryset: QuerySet[Any]) -> bool:
    """Whether a query set is nothing but filters, an order and `distinct`.

    What its state holds beside is reset when its query is made, or is for other databases.
    """
    q = queryset
    return not (
        q._annotations or q._fields_for_select or q._select_related or q._prefetch_map or q._prefetch_queries  # noqa: SLF001
        or q._select_for_update or q._group_bys  # noqa: SLF001
    )  # fmt: skip
