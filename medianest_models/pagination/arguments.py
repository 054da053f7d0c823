"""The arguments of a page: its number, its length, and the order of its list.

NULL is greater than every value, last in an ascending list and first in a descending one: so it is in PostgreSQL's
indexes, which can then be read in the list's order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pypika_tortoise.enums import Order
from tortoise.fields import JSONField
from tortoise.models import Model

from medianest_models.errors import InvalidPaginationError, InvalidSortError

Given: TypeAlias = tuple[tuple[str, Order], ...]
Ordering: TypeAlias = tuple[tuple[str, bool], ...]
SortOrder = Literal["asc", "desc"]

MAX_LIMIT: Final = 100
"""The most rows on a page."""

_MAX_BIGINT: Final = 2**63 - 1
_MAX_SHOWN: Final = 50

_OWN_COLUMNS: Final = ("created_at", "checked_at", "updated_at", "window_start")
"""The column that says when a row came to be: the first of these that its table has."""


@dataclass(frozen=True)
class PaginationParams:
    """The number of a page, its length, and the order of its list.

    Attributes:
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: The column to sort by; None for the list's own order.
        sort_order: `asc` or `desc`, of `sort_by` or of the model's own column.

    Raises:
        InvalidPaginationError: `page` or `limit` is out of range, or more rows come before than a bigint can count.
        InvalidSortError: `sort_order` is neither of the two, or `sort_by` is no text.
    """

    page: int = 1
    limit: int = 20
    sort_by: str | None = None
    sort_order: SortOrder = "desc"

    def __post_init__(self) -> None:
        # Written out, because every page runs this.
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidPaginationError(
                f"limit: must be a whole number from 1 to {MAX_LIMIT}, not {shown(self.limit)}"
            )
        if isinstance(self.page, bool) or not isinstance(self.page, int) or self.page < 1:
            raise InvalidPaginationError(f"page: must be a whole number from 1, not {shown(self.page)}")
        if self.offset > _MAX_BIGINT:
            raise InvalidPaginationError("page: is too high")
        if self.sort_order not in ("asc", "desc"):
            raise InvalidSortError(f"sort_order: must be asc or desc, not {shown(self.sort_order)}")
        if not (self.sort_by is None or isinstance(self.sort_by, str)):
            raise InvalidSortError(f"sort_by: must be the name of a column, not {shown(self.sort_by)}")

    @functools.cached_property
    def offset(self) -> int:
        """The number of rows before the page."""
        return (self.page - 1) * self.limit


def shown(value: object) -> str:
    """Write an argument as an error shows it: as it is when it is short and plain, otherwise by its type."""
    is_text = isinstance(value, str) and len(value) <= _MAX_SHOWN
    is_number = isinstance(value, int) and abs(value) <= _MAX_BIGINT
    return repr(value) if is_text or is_number else f"a value of type {type(value).__name__}"


@functools.lru_cache(maxsize=1024)
def choose_ordering(model: type[Model], given: Given, sort_by: str | None, sort_order: SortOrder) -> Ordering:
    """Choose the order of a list: by `sort_by`; else as given; else by the model's own column.

    It consists of names to sort by, each with whether it descends. The id ends them.
    """
    id_ = model._meta.pk_attr
    if sort_by is not None:
        _check_column(model, sort_by)
        ordering = [(sort_by, sort_order == "desc")]
    elif given:
        ordering = [(name, order == Order.desc) for name, order in given]
    else:
        own_column = next((name for name in _OWN_COLUMNS if name in model._meta.fields_db_projection), id_)
        ordering = [(own_column, sort_order == "desc")]
    if all(name != id_ for name, _ in ordering):
        ordering.append((id_, ordering[-1][1]))
    return tuple(ordering)


@functools.lru_cache(maxsize=1024)
def choose_column(model: type[Model], given: Given, sort_by: str | None, sort_order: SortOrder) -> Ordering:
    """Choose the order of a list as `choose_ordering` does; refuse one that is not by one plain column and the id."""
    ordering = choose_ordering(model, given, sort_by, sort_order)
    (column, descends), *rest = ordering
    _check_column(model, column)
    if rest and rest != [(model._meta.pk_attr, descends)]:
        raise InvalidSortError("queryset: a cursor leads through an order_by of one column, or of it and the id")
    return ordering


def _check_column(model: type[Model], name: str) -> None:
    """Refuse to sort a list by what is no plain column of its model, or a secret one."""
    columns = model._meta.fields_db_projection
    if name not in columns or not _is_sortable(model, name):
        sortable = sorted(column for column in columns if _is_sortable(model, column))
        raise InvalidSortError(
            f"sort_by: {model.__name__} can't be sorted by {shown(name)}, but by {', '.join(sortable)}"
        )


def _is_sortable(model: type[Model], column: str) -> bool:
    """Whether a caller may know the column's order, and its value from a cursor."""
    field = model._meta.fields_map[column]
    is_shown = not getattr(field, "secret", False) and not hasattr(model, f"masked_{column}")
    return is_shown and not isinstance(field, JSONField)
