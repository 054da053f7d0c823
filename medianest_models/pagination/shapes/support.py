"""Whether the running Tortoise, a query set and a model are what this package knows."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tortoise.expressions import Q
from tortoise.models import MetaInfo
from tortoise.queryset import AwaitableQuery, QuerySet

from medianest_models.models.hydration import knows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tortoise.models import Model

STATE: Final = frozenset(
    {
        "_annotations", "_capabilities", "_custom_filters", "_db", "_distinct", "_fields_for_select", "_filter_kwargs",
        "_force_indexes", "_group_bys", "_having", "_joined_tables", "_limit", "_offset", "_orderings",
        "_prefetch_map", "_prefetch_queries", "_q_objects", "_raise_does_not_exist", "_select_for_update",
        "_select_for_update_no_key", "_select_for_update_nowait", "_select_for_update_of",
        "_select_for_update_skip_locked", "_select_related", "_select_related_idx", "_single", "_use_indexes",
        "fields", "model", "query",
    }
)  # fmt: skip
"""All that a query set holds. Something new in it might change its SQL."""

_Q_STATE: Final = frozenset({"_is_negated", "children", "filters", "join_type"})
_META: Final = frozenset({"basequery_all_fields", "fetch_fields", "fields_map", "filters"})
_QUERY_SET_METHODS: Final = (
    "_choose_db", "_clone", "_execute", "_make_query", "count", "limit", "offset", "only", "order_by",
    "resolve_filters", "resolve_ordering",
)  # fmt: skip

_off = False


@contextmanager
def switched_off() -> Iterator[None]:
    """Everything goes Tortoise's own way inside the block, for a comparison of both ways."""
    global _off  # noqa: PLW0603 - the one switch
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


def is_known(kind: type[QuerySet[Any]], model: type[Model]) -> bool:
    """Whether query sets of that class, and instances of that model, are made as this package takes for granted."""
    return not _off and _knows_tortoise() and _is_stock(kind, model)  # type: ignore[arg-type]  # a class has its metaclass's hash


@functools.cache
def _knows_tortoise() -> bool:
    return (
        {*QuerySet.__slots__, *AwaitableQuery.__slots__} == STATE
        and set(Q.__slots__) == _Q_STATE
        and set(MetaInfo.__slots__) >= _META
        and all(hasattr(QuerySet, name) for name in _QUERY_SET_METHODS)
    )


@functools.lru_cache(maxsize=256)
def _is_stock(kind: type[QuerySet[Any]], model: type[Model]) -> bool:
    return knows(model) and all(getattr(kind, name) is getattr(QuerySet, name) for name in _QUERY_SET_METHODS)
