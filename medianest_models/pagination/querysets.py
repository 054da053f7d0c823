"""The one place that uses private names of Tortoise, of its version 1.1 (`tortoise-orm<1.2` in pyproject.toml)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pypika_tortoise.terms import Parameterizer
from tortoise.models import Model
from tortoise.queryset import AwaitableQuery, CountQuery, QuerySet

from medianest_models.errors import InvalidPaginationError
from medianest_models.models.hydration import hydrator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pypika_tortoise.enums import Order
    from tortoise.expressions import Q

    from medianest_models.pagination.sorting import Ordering

ModelT = TypeVar("ModelT", bound=Model)

filters: Final[Callable[[AwaitableQuery[Any]], list[Q]]] = attrgetter("_q_objects")
"""A query's filters, all of which have to hold."""

is_negated: Final[Callable[[Q], bool]] = attrgetter("_is_negated")

FILTER_STATE: Final = frozenset({"_is_negated", "children", "filters", "join_type"})
"""All that a filter holds."""

orderings: Final[Callable[[QuerySet[Any]], list[tuple[str, Order]]]] = attrgetter("_orderings")
"""The columns, relations and annotations of a query set's `order_by`."""

_STATE: Final = {*AwaitableQuery.__slots__, *QuerySet.__slots__}
_READ_APART: Final = {"_capabilities", "_db", "_orderings", "_q_objects", "fields", "query"}

other_state: Final[Callable[[QuerySet[Any]], tuple[Any, ...]]] = attrgetter(*sorted(_STATE - _READ_APART))
"""All that a query set holds beside its filters and its order, its database and the model's columns."""


def sort(queryset: QuerySet[ModelT], ordering: Ordering) -> QuerySet[ModelT]:
    """Have Tortoise sort a query set; its `only`, if it has one, gets the columns too.

    Raises:
        InvalidPaginationError: It has a limit or an offset: a page of it would silently be one of the whole.
    """
    if queryset._limit is not None or queryset._offset is not None:  # noqa: SLF001 - no public name
        raise InvalidPaginationError("queryset: must have no limit and no offset of its own")
    if chosen := queryset._fields_for_select:  # noqa: SLF001 - no public name
        columns = [name for name, _ in ordering if name in queryset.model._meta.fields_db_projection]
        queryset = queryset.only(*dict.fromkeys((*chosen, *columns)))
    return queryset.order_by(*(f"-{name}" if descends else name for name, descends in ordering))


async def fetch(queryset: QuerySet[ModelT], sql: str, values: list[Any]) -> tuple[list[ModelT], Sequence[Any]]:
    """Run a statement that was compiled for a query set, and return the models and the rows they were made of."""
    _, rows = await queryset._choose_db().execute_query(sql, values)  # noqa: SLF001 - no public name
    if not rows:
        return [], []
    hydrate = hydrator(queryset.model, tuple(rows[0].keys()))
    assert hydrate is not None  # noqa: S101 - only what it knows is compiled
    return hydrate(rows), rows


async def fetch_page(
    page: QuerySet[ModelT], count: CountQuery, limit: int, template: str, total: str
) -> tuple[list[ModelT], list[int]]:
    """Have Tortoise read a page of that limit by a statement, and return its models and the total of each row.

    The template is formatted with the SQL of the page, of its limit and of the count; it adds the column `total`.
    """
    for query in (page, count):  # as their sql() does, which would also write them as text
        query._choose_db_if_not_chosen()  # noqa: SLF001 - no public name
        query._make_query()  # noqa: SLF001
    context = page.query.QUERY_CLS.SQL_CONTEXT.copy(parameterizer=Parameterizer())
    page_sql, _ = page.query.get_parameterized_sql(context)
    count_sql, values = count.query.get_parameterized_sql(context)
    sql = template.format(page_sql, f"${len(values) + 1}", count_sql)
    # As QuerySet._execute does, which runs no other statement than its own.
    executor = page._db.executor_class(  # noqa: SLF001
        model=page.model,
        db=page._db,  # noqa: SLF001
        prefetch_map=page._prefetch_map,  # noqa: SLF001
        prefetch_queries=page._prefetch_queries,  # noqa: SLF001
        select_related_idx=page._select_related_idx,  # type: ignore[arg-type]  # noqa: SLF001 - as Tortoise does
    )
    rows: list[ModelT] = await executor.execute_select(sql, [*values, limit], [*page._annotations, total])  # noqa: SLF001
    return rows, [vars(row).pop(total) for row in rows]
