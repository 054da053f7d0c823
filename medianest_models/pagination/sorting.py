"""By which column a list is sorted.

NULL is greater than every value, last in an ascending list and first in a descending one: so it is in PostgreSQL's
indexes, which can then be read in the list's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from tortoise.fields import JSONField
from tortoise.models import Model

from medianest_models.errors import InvalidSortError
from medianest_models.pagination.params import SortOrder, check_order, shown
from medianest_models.pagination.querysets import orderings, with_columns

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

ModelT = TypeVar("ModelT", bound=Model)

_OWN_COLUMNS: Final = ("created_at", "checked_at", "updated_at", "window_start")
"""The column that says when a row came to be: the first of these that its table has."""


@dataclass(frozen=True)
class SortKey(Generic[ModelT]):
    """The column that a list is sorted by, and the id, which orders the rows that are equal there.

    Attributes:
        model: Whose rows they are.
        column: The column's name in the model.
        descending: The order of both.
    """

    model: type[ModelT]
    column: str
    descending: bool

    @property
    def id(self) -> str:
        """The name of the model's id."""
        return self.model._meta.pk_attr

    @property
    def is_nullable(self) -> bool:
        """Whether there may be rows without a value."""
        return self.model._meta.fields_map[self.column].null

    def parameters(self, value: Any, id_: Any) -> dict[str, Any]:
        """The two values as a statement's parameters, each under its column's name in the database.

        Raises:
            InvalidInputError: A column can't hold its value.
        """
        meta = self.model._meta
        return {
            meta.fields_db_projection[name]: meta.fields_map[name].to_db_value(given, self.model)
            for name, given in {self.column: value, self.id: id_}.items()
        }

    def sort(self, queryset: QuerySet[ModelT], *, backward: bool = False) -> QuerySet[ModelT]:
        """The query set in this order, or in the opposite one; an `only` gets the two columns too."""
        sign = "-" if self.descending != backward else ""
        names = dict.fromkeys((self.column, self.id))
        return with_columns(queryset, *names).order_by(*(sign + name for name in names))


def sort_key(queryset: QuerySet[ModelT], sort_by: str | None, sort_order: SortOrder) -> SortKey[ModelT]:
    """What to sort a query set by, where that has to be one column.

    Raises:
        InvalidSortError: `sort_by` is no plain column or a secret one; `sort_order` is neither `asc` nor `desc`;
            or, without `sort_by`, the query set's `order_by` is more than one plain column.
    """
    check_order(sort_order)
    model = queryset.model
    if sort_by is None and (given := orderings(queryset)):
        column, descending = given[0]
        if given[1:] not in ([], [(model._meta.pk_attr, descending)]):
            raise InvalidSortError("queryset: a cursor leads through an order_by of one column, or of it and the id")
    else:
        column = _own_column(model) if sort_by is None else sort_by
        descending = sort_order == "desc"
    check_column(model, column)
    return SortKey(model, column, descending)


def sort(queryset: QuerySet[ModelT], sort_by: str | None, sort_order: SortOrder) -> QuerySet[ModelT]:
    """The query set in the order asked for: by `sort_by`; else by its own `order_by`; else by the model's own column.

    The id ends the order.

    Raises:
        InvalidSortError: `sort_by` is no plain column, or a secret one.
    """
    given = orderings(queryset) if sort_by is None else []
    if not given:
        return sort_key(queryset, sort_by, sort_order).sort(queryset)
    meta = queryset.model._meta
    if all(name != meta.pk_attr for name, _ in given):
        given.append((meta.pk_attr, given[-1][1]))
    columns = [name for name, _ in given if name in meta.fields_db_projection]
    return with_columns(queryset, *columns).order_by(
        *(f"-{name}" if descending else name for name, descending in given)
    )


def _own_column(model: type[Model]) -> str:
    columns = model._meta.fields_db_projection
    return next((name for name in _OWN_COLUMNS if name in columns), model._meta.pk_attr)


def check_column(model: type[Model], name: object) -> None:
    """Refuses what a list can't be sorted by.

    Raises:
        InvalidSortError: It is no plain column of the model, or a secret one.
    """
    columns = model._meta.fields_db_projection
    if not isinstance(name, str) or name not in columns or not _is_sortable(model, name):
        sortable = sorted(column for column in columns if _is_sortable(model, column))
        raise InvalidSortError(
            f"sort_by: {model.__name__} can't be sorted by {shown(name)}, but by {', '.join(sortable)}"
        )


def _is_sortable(model: type[Model], column: str) -> bool:
    """Whether a caller may know the column's order, and its value from a cursor."""
    field = model._meta.fields_map[column]
    is_shown = not getattr(field, "secret", False) and not hasattr(model, f"masked_{column}")
    return is_shown and not isinstance(field, JSONField)
