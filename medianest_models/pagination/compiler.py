"""A compiler from simple query sets to SQL, several times faster than Tortoise.

A simple query set has filters and an order by columns of its own table, and nothing else: no annotations, `only`,
`distinct` or locks, and no relation that is filtered by, selected or prefetched. Its filters compare with simple
values, or are `in`, `not_in` and `isnull`, in any nesting of `Q`. Tortoise builds all other queries, and those that
this module can't judge: with another Tortoise than 1.1 or another engine, another class of query set or of `Q`, or
attributes that a new query set does not have.

This file alone uses private names of query sets and filters, of Tortoise 1.1 (`tortoise-orm<1.2` in pyproject.toml).
"""

from __future__ import annotations

import datetime
import decimal
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from pypika_tortoise.enums import Equality, Order
from pypika_tortoise.terms import BasicCriterion, Term, Tuple
from tortoise.expressions import Expression, Q, ResolveContext
from tortoise.fields.base import Field
from tortoise.filters import bool_encoder, is_in, is_null, list_encoder, not_equal, not_in, not_null
from tortoise.models import Model
from tortoise.query_utils import QueryModifier
from tortoise.queryset import AwaitableQuery, QuerySet

from medianest_models.db.statements import StatementClient
from medianest_models.encryption.querysets import GuardedQuerySet
from medianest_models.errors import InvalidPaginationError
from medianest_models.models.hydration import knows
from medianest_models.pagination.arguments import Ordering

Function: TypeAlias = Callable[..., Any]
ModelT = TypeVar("ModelT", bound=Model)

filters: Final[Callable[[AwaitableQuery[Any]], list[Q]]] = operator.attrgetter("_q_objects")
"""A query's filters, all of which have to hold."""

is_negated: Final[Callable[[Q], bool]] = operator.attrgetter("_is_negated")

orderings: Final[Callable[[QuerySet[Any]], list[tuple[str, Order]]]] = operator.attrgetter("_orderings")
"""The columns, relations and annotations of a query set's `order_by`."""

_STATE: Final = {*AwaitableQuery.__slots__, *QuerySet.__slots__}
_READ_APART: Final = {"_capabilities", "_db", "_orderings", "_q_objects", "fields", "query"}

_other_state: Final[Callable[[QuerySet[Any]], tuple[Any, ...]]] = operator.attrgetter(*sorted(_STATE - _READ_APART))
"""All that a query set holds beside its filters and its order, its database and the model's columns."""

_OPERATORS: Final[dict[Function, tuple[Function | None, str, str]]] = {
    operator.eq: (None, "{0}=", ""),
    operator.ge: (None, "{0}>=", ""),
    operator.gt: (None, "{0}>", ""),
    operator.le: (None, "{0}<=", ""),
    operator.lt: (None, "{0}<", ""),
    not_equal: (None, "({0}<>", " OR {0} IS NULL)"),
    is_in: (list_encoder, "{0} IN (", ")"),
    not_in: (list_encoder, "({0} NOT IN (", ") OR {0} IS NULL)"),
    is_null: (bool_encoder, "{0} IS NULL", "{0} IS NOT NULL"),
    not_null: (bool_encoder, "{0} IS NOT NULL", "{0} IS NULL"),
}
"""Tortoise's operators: for each, its encoder and the SQL before and after its values, or for True and for False."""

_FILTER_KEYS: Final = frozenset({"field", "operator", "source_field", "value_encoder"})
_COLLECTIONS: Final = frozenset({frozenset, list, set, tuple})
_PARAMETERS: Final = frozenset({bool, datetime.date, datetime.datetime, decimal.Decimal, float, int, str, UUID})


class _NotPlainError(Exception):
    """Raised when Tortoise must build the query."""


class RowComparison(Q):
    """A filter for the rows on one side of a position in a list: `(created_at, id) < ($1, $2)`.

    The position's values are keyed by their column names in the database; the symbol is `<`, `<=`, `>` or `>=`.
    """

    __slots__ = ("_place", "_symbol")

    def __init__(self, place: Mapping[str, Any], symbol: str) -> None:
        super().__init__()
        self._place = place
        self._symbol = symbol

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        """Make the condition for Tortoise."""
        columns = Tuple(*(resolve_context.table[name] for name in self._place))
        return QueryModifier(BasicCriterion(Equality(self._symbol), columns, Tuple(*self._place.values())))

    def write(self, values: list[Any]) -> str:
        """Write the condition, and add its parameters to `values`."""
        columns = '","'.join(self._place)
        numbers = ",".join(f"${number}" for number, _ in enumerate(self._place, start=len(values) + 1))
        values += self._place.values()
        return f'("{columns}"){self._symbol}({numbers})'


class Select(NamedTuple):
    """A compiled query set.

    Attributes:
        client: The client that runs it.
        rows_sql: The statement that reads its rows.
        source: Its FROM and WHERE.
        values: The parameters of its filters.
        is_filtered: Whether its own filters compare with values, and not only the further ones.
    """

    client: StatementClient
    rows_sql: str
    source: str
    values: list[Any]
    is_filtered: bool

    def page(self, limit: int, offset: int = 0) -> tuple[str, list[int]]:
        """Write the statement that reads some of the rows; return its parameters after those of the filters, too.

        For a limit that is a parameter PostgreSQL assumes a tenth of the rows, and so plans each execution anew instead
        of keeping one plan, which takes longer than to read the page. Without filters it is written out. With filters
        each execution is to be planned: one plan for all values, such as to read the newest rows until twenty have the
        status, reads the whole table for a status that few rows have.
        """
        added = [limit] if self.is_filtered else []
        sql = f"{self.rows_sql} LIMIT {f'${len(self.values) + 1}' if added else limit}"
        if offset:
            added.append(offset)
            sql += f" OFFSET ${len(self.values) + len(added)}"
        return sql, added

    def counting(self, most: int | None) -> str:
        """Write the statement that counts the rows, up to a number."""
        if most is None:
            return f"SELECT count(*) {self.source}"
        return f"SELECT count(*) FROM (SELECT {self.source} LIMIT {most}) AS counted"  # noqa: S608 - compiled


def compile_select(
    queryset: QuerySet[Any], ordering: Ordering, *also: Q, fields: tuple[str, ...] | None = None
) -> Select | None:
    """Compile a query set, with further filters and in another order; None where Tortoise has to make the query.

    Its columns are those of some fields, or of all, followed by those it is sorted by.
    """
    model: Any = queryset.model
    client = queryset._choose_db()  # noqa: SLF001 - no public name
    if not isinstance(client, StatementClient):
        return None
    if _other_state(queryset) != _state_at_first(type(queryset), model):  # type: ignore[arg-type]  # a class has its metaclass's hash
        return None
    values: list[Any] = []
    try:
        columns, order_by = _columns_and_order(model, fields, ordering)  # first, as in Tortoise, for its errors
        conditions = [_condition(node, model, values) for node in filters(queryset)]
        is_filtered = bool(values)
        conditions += [_condition(node, model, values) for node in also]
    except _NotPlainError:
        return None
    source = f'FROM "{model._meta.db_table}"'
    if where := " AND ".join(filter(None, conditions)):
        source += f" WHERE {where}"
    return Select(client, f"SELECT {columns} {source} ORDER BY {order_by}", source, values, is_filtered)


def sort(queryset: QuerySet[ModelT], ordering: Ordering) -> QuerySet[ModelT]:
    """Have Tortoise sort a query set; its `only`, if it has one, gets the columns too."""
    # A page of a slice would silently be one of the whole.
    if queryset._limit is not None or queryset._offset is not None:  # noqa: SLF001 - no public name
        raise InvalidPaginationError("queryset: must have no limit and no offset of its own")
    if chosen := queryset._fields_for_select:  # noqa: SLF001 - no public name
        columns = [name for name, _ in ordering if name in queryset.model._meta.fields_db_projection]
        queryset = queryset.only(*dict.fromkeys((*chosen, *columns)))
    return queryset.order_by(*(f"-{name}" if descends else name for name, descends in ordering))


async def count_to(queryset: QuerySet[Any], most: int) -> int:
    """Count rows by a query that Tortoise builds, up to a number; its `count()` would count all of a slice, too."""
    queryset = queryset.order_by().limit(most)  # a DISTINCT of the ids can't be sorted by anything else
    queryset._fields_for_select = ()  # noqa: SLF001 - it refuses `values_list` after `only`
    return len(await queryset.values_list(queryset.model._meta.pk_attr))


async def fetch(select: Select, sql: str, *values: Any) -> list[Record]:
    """Run a statement that was made of a compiled query set; `values` follow those of its filters."""
    return await select.client.run(PoolConnectionProxy.fetch, sql, *select.values, *values)


@functools.lru_cache(maxsize=256)
def _state_at_first(kind: type[QuerySet[Any]], model: type[Model]) -> tuple[Any, ...] | None:
    """Return the attributes of a new query set; None if the query set, the model or Tortoise is not supported."""
    is_known = kind in (QuerySet, GuardedQuerySet) and knows(model) and not model._meta.schema
    return _other_state(kind(model)) if is_known else None


@functools.lru_cache(maxsize=512)
def _columns_and_order(model: type[Model], fields: tuple[str, ...] | None, ordering: Ordering) -> tuple[str, str]:
    order_by = ",".join(f"{_column(model, name)} {'DESC' if descends else 'ASC'}" for name, descends in ordering)
    # In the order of the fields: Tortoise's own, that of a set, is another in each process.
    projection = model._meta.fields_db_projection
    names = dict.fromkeys((*(projection if fields is None else fields), *(name for name, _ in ordering)))
    return ",".join(f'"{projection[name]}"' for name in names), order_by


def _condition(node: Q, model: type[Model], values: list[Any]) -> str:
    """Write a filter's condition, which is empty for an empty filter."""
    if isinstance(node, RowComparison):
        return node.write(values)
    if type(node) is not Q:
        raise _NotPlainError
    if node.filters:  # then Tortoise ignores the children
        parts = [_comparison(name, value, model, values) for name, value in node.filters.items()]
    else:
        parts = [part for child in node.children if (part := _condition(child, model, values))]
    sql = (" AND " if node.join_type == Q.AND else " OR ").join(parts)
    if len(parts) > 1:
        sql = f"({sql})"
    if not sql or not is_negated(node):
        return sql
    if sql.startswith("NOT "):  # Tortoise leaves NOT IN unchanged when it negates it
        raise _NotPlainError
    return f"NOT {sql}"


def _comparison(name: str, value: Any, model: type[Model], values: list[Any]) -> str:
    """Write one condition as Tortoise's `Q` does: choose the operator, then encode the value."""
    if value is None:
        name, value = f"{name}__isnull", True
    if isinstance(value, (Expression, Term)):
        raise _NotPlainError
    encode, field, before, after = _lookup(model, name)
    if encode is bool_encoder:
        return before if value else after
    if encode is None:
        value = (value,)
    elif type(value) not in _COLLECTIONS or not value:  # Tortoise writes 1=0 for an empty collection
        raise _NotPlainError
    numbers = []
    for item in value:
        encoded = field.to_db_value(item, model)
        if encoded == "*" or (type(encoded) not in _PARAMETERS and not isinstance(encoded, UUID)):
            raise _NotPlainError  # Tortoise may not send it as a parameter: None, an asterisk
        values.append(encoded)
        numbers.append(f"${len(values)}")
    return f"{before}{','.join(numbers)}{after}"


@functools.lru_cache(maxsize=1024)
def _lookup(model: type[Model], name: str) -> tuple[Function | None, Field[Any], str, str]:
    """Find the encoder of a condition, its field, and the SQL around its values."""
    info = model._meta.filters.get(name)
    if info is None or not info.keys() <= _FILTER_KEYS:  # unknown, or of another table
        raise _NotPlainError
    encode, before, after = _OPERATORS.get(info["operator"], (None, "", ""))
    if not before or encode is not info.get("value_encoder"):
        raise _NotPlainError
    column = _column(model, info["field"])
    return encode, model._meta.fields_map[info["field"]], before.format(column), after.format(column)


def _column(model: type[Model], name: str) -> str:
    """Quote a column's name, unless Tortoise would write a function of the column."""
    column = model._meta.fields_db_projection.get(name)
    if column is None or model._meta.fields_map[name].get_for_dialect("postgres", "function_cast"):
        raise _NotPlainError
    return f'"{column}"'
