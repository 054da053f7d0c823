"""What pagination has to know of a query set, and Tortoise has no public name for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pypika_tortoise.enums import Order
from tortoise.models import Model

from medianest_models.errors import InvalidPaginationError

if TYPE_CHECKING:
    from tortoise.expressions import Q
    from tortoise.queryset import AwaitableQuery, QuerySet

ModelT = TypeVar("ModelT", bound=Model)


def refuse_slice(queryset: QuerySet[Any]) -> None:
    """Refuses a query set that is a slice already: a page of it would silently be one of the whole.

    Raises:
        InvalidPaginationError: It has a limit or an offset.
    """
    if queryset._limit is not None or queryset._offset is not None:  # noqa: SLF001 - no public name
        raise InvalidPaginationError("queryset: must have no limit and no offset of its own")


def orderings(queryset: QuerySet[Any]) -> list[tuple[str, bool]]:
    """The names of its `order_by`, each with whether it is descending."""
    return [(name, order == Order.desc) for name, order in queryset._orderings]  # noqa: SLF001 - no public name


def with_columns(queryset: QuerySet[ModelT], *names: str) -> QuerySet[ModelT]:
    """The query set, with these columns added to its `only` if it has one."""
    chosen = queryset._fields_for_select  # noqa: SLF001 - no public name
    return queryset.only(*dict.fromkeys((*chosen, *names))) if chosen else queryset


def filters(query: AwaitableQuery[Any]) -> list[Q]:
    """Its filters, all of which have to hold."""
    return query._q_objects  # noqa: SLF001 - no public name


def make(query: AwaitableQuery[Any]) -> None:
    """Makes the query's `query`, as its `sql()` does, which would also write it as text."""
    query._choose_db_if_not_chosen()  # noqa: SLF001 - no public name
    query._make_query()  # noqa: SLF001 - no public name


def parameterized(query: AwaitableQuery[Any]) -> tuple[str, list[Any]]:
    """The query as SQL, and its parameters."""
    make(query)
    sql, values = query.query.get_parameterized_sql()
    return sql, values


async def run(queryset: QuerySet[ModelT], sql: str, values: list[Any], *, extra: str) -> list[ModelT]:
    """The rows of a statement that returns what `queryset.sql()` does, and one column more.

    Args:
        queryset: How to make models of the rows, with their relations; its query is made.
        sql: The statement.
        values: The statement's parameters.
        extra: The name of the additional column, the last one; it becomes an attribute of each model.
    """
    # As QuerySet._execute does, which runs no other statement than its own.
    executor = queryset._db.executor_class(  # noqa: SLF001 - no public name
        model=queryset.model,
        db=queryset._db,  # noqa: SLF001
        prefetch_map=queryset._prefetch_map,  # noqa: SLF001
        prefetch_queries=queryset._prefetch_queries,  # noqa: SLF001
        select_related_idx=queryset._select_related_idx,  # type: ignore[arg-type]  # noqa: SLF001 - as Tortoise does
    )
    rows: list[ModelT] = await executor.execute_select(sql, values, [*queryset._annotations, extra])  # noqa: SLF001
    return rows
