"""The shape of a query set's filters, and their values as a statement's parameters."""

from __future__ import annotations

import datetime
import decimal
import operator
from abc import abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tortoise.expressions import Q
from tortoise.filters import between_and, is_in, is_null, not_equal, not_in, not_null

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tortoise.models import MetaInfo, Model

_VALUE: Final[frozenset[Callable[..., Any]]] = frozenset(
    {operator.eq, operator.ge, operator.gt, operator.le, operator.lt, not_equal}
)
_VALUES: Final[frozenset[Callable[..., Any]]] = frozenset({between_and, is_in, not_in})
_TRUTH: Final[frozenset[Callable[..., Any]]] = frozenset({is_null, not_null})
_MOST_VALUES: Final = 100

_PARAMETERS: Final = frozenset({bool, datetime.date, datetime.datetime, decimal.Decimal, float, int, str})
_COLLECTIONS: Final = frozenset({frozenset, list, set, tuple})


class NotUnderstoodError(Exception):
    """The query set has to go Tortoise's own way."""


class ShapedQ(Q):
    """A filter with a `resolve` of its own that knows its shape."""

    __slots__ = ()

    @abstractmethod
    def shape(self) -> tuple[Hashable, list[Any]]:
        """What its SQL depends on, and its parameters."""


def shape_of(node: Q, model: type[Model], parameters: list[Any]) -> Hashable:
    """What a filter's SQL depends on, beside its parameters.

    Args:
        node: The filter.
        model: Whose rows it chooses from.
        parameters: Where its parameters are added.

    Raises:
        NotUnderstoodError: It may depend on more.
    """
    if type(node) is Q:
        if node.filters:  # then Tortoise looks at no children
            meta = model._meta
            items: Any = [
                (name, _shape_of_item(name, value, model, meta, parameters)) for name, value in node.filters.items()
            ]
        else:
            items = [shape_of(child, model, parameters) for child in node.children]
        return node.join_type, node._is_negated, tuple(items)  # noqa: SLF001 - no public name
    if isinstance(node, ShapedQ):
        shape, values = node.shape()
        for value in values:
            _check(value)
        parameters += values
        return type(node), shape
    raise NotUnderstoodError


def _shape_of_item(name: str, value: Any, model: type[Model], meta: MetaInfo, parameters: list[Any]) -> Hashable:
    """As `Q` does, whose steps these are: choose the operator, encode the value."""
    info = meta.filters.get(name)
    if info is None or name in meta.fetch_fields or "table" in info:
        raise NotUnderstoodError  # a relation
    if value is None:
        if f"{name}__isnull" in meta.filters:
            return None
        raise NotUnderstoodError
    field = meta.fields_map[info["field"]]
    encode: Callable[..., Any] | None = info.get("value_encoder")
    chosen = info["operator"]
    if chosen in _VALUE and encode is None:
        if type(value) not in _PARAMETERS and not isinstance(value, (UUID, Enum)):
            raise NotUnderstoodError  # an expression or a term is encoded in another way
        encoded = field.to_db_value(value, model)
        _check(encoded)
        parameters.append(encoded)
        return "$"
    if encode is None:
        raise NotUnderstoodError
    if chosen in _VALUES and type(value) in _COLLECTIONS and len(value) <= _MOST_VALUES:
        several = encode(value, model, field)
        for item in several:
            _check(item)
        parameters += several
        return len(several)
    if chosen in _TRUTH and type(value) is bool:
        return bool(encode(value, model, field))
    raise NotUnderstoodError


def _check(value: object) -> None:
    """Refuses what pypika might write into the SQL: NULL, a member of an enum, an asterisk."""
    if (type(value) not in _PARAMETERS and not isinstance(value, UUID)) or value == "*":
        raise NotUnderstoodError
