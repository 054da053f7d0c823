"""Which rows a query selects, as a digest that is the same in every process."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import TYPE_CHECKING, Any

from pypika_tortoise.terms import Term
from tortoise.expressions import Expression, F, Q, RawSQL, Subquery
from tortoise.models import Model

from medianest_models.pagination import querysets

if TYPE_CHECKING:
    from tortoise.queryset import AwaitableQuery


def filters_digest(query: AwaitableQuery[Any]) -> str:
    """A digest of a query's model and filters.

    Two queries have the same one when they filter by the same columns with the same values, in whatever order. All
    instants count as the same: a list of the last hour stays the same list while time goes by. An annotation
    counts by its name, an SQL function by its kind.
    """
    return _digest([query.model.__name__, sorted(map(_node_digest, querysets.filters(query)))])


def _node_digest(node: Q) -> str:
    filters = {name: _unordered(value) if name.endswith("_in") else value for name, value in node.filters.items()}
    negated = node._is_negated  # noqa: SLF001 - no public name
    return _digest([node.join_type, negated, filters, sorted(map(_node_digest, node.children))])


def _unordered(values: object) -> object:
    return sorted(map(_digest, values)) if isinstance(values, (list, tuple, set, frozenset)) else values


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=_jsonable, sort_keys=True).encode()).hexdigest()


def _jsonable(value: object) -> Any:
    """What stands for a value that JSON does not know."""
    match value:
        case datetime.date():
            return {"instant": None}
        case Model():
            return value.pk
        case Subquery():
            return filters_digest(value.query)
        case RawSQL():
            return value.sql
        case F():
            return {"column": value.name}
        case Expression() | Term():
            return {"expression": type(value).__name__}
        case _:
            return str(value)
