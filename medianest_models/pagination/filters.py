"""Which rows a query set selects, in a form that is the same in every process."""

from __future__ import annotations

import datetime
import json
from enum import Enum
from typing import Any

from pypika_tortoise.terms import Term
from tortoise.expressions import Expression, F, Q, RawSQL, Subquery
from tortoise.models import Model
from tortoise.queryset import AwaitableQuery

from medianest_models.pagination import querysets


def describe_filters(query: AwaitableQuery[Any]) -> str:
    """The model and the filters of a query, as JSON.

    Two queries have the same text when they filter by the same columns with the same values, whatever the order in
    which they do. An instant counts as any other: a list of the last hour stays the same list while time goes by.
    An annotation counts by its name, an SQL function by its kind.
    """
    return _dump([query.model.__name__, sorted(map(_describe, querysets.filters(query)))])


def _describe(node: Q) -> str:
    negated = node._is_negated  # noqa: SLF001 - no public name
    return _dump([node.join_type, negated, node.filters, sorted(map(_describe, node.children))])


def _dump(value: object) -> str:
    return json.dumps(value, default=_jsonable, sort_keys=True)


def _jsonable(value: object) -> Any:
    """What stands for a value that JSON does not know."""
    match value:
        case datetime.date():
            return {"instant": None}
        case Enum():
            return value.value
        case Model():
            return value.pk
        case set() | frozenset():
            return sorted(map(_dump, value))
        case AwaitableQuery():
            return describe_filters(value)
        case Subquery():
            return describe_filters(value.query)
        case RawSQL():
            return value.sql
        case F():
            return {"column": value.name}
        case Expression() | Term():
            return {"expression": type(value).__name__}
        case _:
            return str(value)
