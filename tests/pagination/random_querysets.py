"""Random query sets with filters and an order, to compare two ways to run them."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from tortoise.expressions import F, Q
from tortoise.fields import BooleanField, IntField, JSONField, UUIDField
from tortoise.fields.data import CharEnumFieldInstance, DatetimeField, IntEnumFieldInstance
from tortoise.models import Model
from tortoise.queryset import QuerySet

from medianest_models.models import (
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    Service,
    ServiceStatusHistory,
    SessionToken,
    User,
    YouTubeDownload,
)
from tests.pagination.rows import instant

IDS: Final = [uuid.UUID(int=number) for number in range(1, 7)]
TEXTS: Final = ["a", "b", "B", "a%", "a_b", "*", "", "'", "$1", "a' OR 1=1 --"]
_COMPARISONS: Final = ["", "__not", "__gte", "__gt", "__lte", "__lt"]
_TRUTHS: Final = ["__isnull", "__not_isnull"]
_LISTS: Final = ["__in", "__not_in", "__range"]
_OTHERS: Final = ["__contains", "__istartswith", "__iexact", "__year", "__posix_regex"]


@dataclass
class _Leaf:
    """One condition."""

    name: str
    value: Any

    def build(self) -> Q:
        return Q(**{self.name: self.value})


@dataclass
class _Node:
    """Combined filters, in one Q if `flat` is true and it is possible."""

    children: list[_Leaf | _Node]
    join_type: str
    negated: bool
    flat: bool

    def build(self) -> Q:
        leaves = [child for child in self.children if isinstance(child, _Leaf)]
        if self.flat and len(leaves) == len(self.children):
            node = Q(join_type=self.join_type, **{leaf.name: leaf.value for leaf in leaves})
        else:
            node = Q(*(child.build() for child in self.children), join_type=self.join_type)
        return ~node if self.negated else node


_Filter: TypeAlias = "_Leaf | _Node"


@dataclass
class RandomQuerySet:
    """A query set that can be built again and again."""

    model: type[Model]
    filters: list[_Filter]
    order: list[str]

    def build(self) -> QuerySet[Any]:
        return self.model.all().order_by(*self.order).filter(*(node.build() for node in self.filters))


_RELATED: Final[dict[type[Model], dict[str, list[Any]]]] = {
    MediaRequest: {"user__role": ["user", "admin"], "user": [*IDS, None], "status_updates__message": TEXTS},
    User: {"media_requests__title": TEXTS, "local_credential__username": TEXTS, "media_requests": IDS},
    ServiceStatusHistory: {"service__name": TEXTS, "service": [1, 2]},
    MediaRequestStatusUpdate: {"request__user__plex_username": TEXTS, "request_id": IDS},
    SessionToken: {"user__plex_username": TEXTS},
    YouTubeDownload: {"user__status": ["active"]},
}
MODELS: Final[list[type[Model]]] = [
    MediaRequest, User, LocalCredential, Service, ServiceStatusHistory, MediaRequestStatusUpdate, SessionToken,
    YouTubeDownload,
]  # fmt: skip


def _values(column: Any) -> st.SearchStrategy[Any]:
    """Generate values for a column: mostly stored ones, but also others and invalid ones."""
    wrong: list[Any] = ["*", "no such value", None, None, None, F("id"), b"a"]
    match column:
        case UUIDField():
            found: list[Any] = [*IDS, str(IDS[2])]
        case CharEnumFieldInstance() | IntEnumFieldInstance():
            found = [*column.enum_type, *(member.value for member in column.enum_type)]
        case DatetimeField():
            found = [instant(number) for number in range(4)]
            wrong.append(datetime.datetime(2026, 1, 1))  # noqa: DTZ001 - naive, which is wrong
        case BooleanField():
            found = [True, False, 1]
        case IntField():
            found = [0, 1, 2, True, "1"]
        case JSONField():
            found = [{"a": 1}, [1], "a", 1]
        case _:
            found = TEXTS
    return st.sampled_from([*found * 4, *wrong])


@st.composite
def _leaves(draw: st.DrawFn, model: type[Model]) -> _Leaf:
    columns = model._meta.fields_db_projection
    related = _RELATED.get(model, {})
    name = draw(st.sampled_from([*columns, *columns, "pk", *related]))
    if name in related:
        return _Leaf(name, draw(st.sampled_from(related[name])))
    value = _values(model._meta.fields_map[model._meta.pk_attr if name == "pk" else name])
    operators = draw(
        st.sampled_from([_COMPARISONS, _COMPARISONS, _COMPARISONS, _LISTS, _LISTS, _TRUTHS, _TRUTHS, _OTHERS])
    )
    if operators is _LISTS:
        value = st.lists(value, min_size=2, max_size=3) | st.lists(value, max_size=3)
        value = value.map(draw(st.sampled_from([list, tuple])))
    elif operators is _TRUTHS:
        value = st.sampled_from([True, False, 1, None])
    return _Leaf(name + draw(st.sampled_from(operators)), draw(value))


def _filters(model: type[Model]) -> st.SearchStrategy[_Filter]:
    leaves: st.SearchStrategy[_Filter] = _leaves(model)
    nodes = _nodes(leaves)
    return st.one_of(leaves, nodes, _nodes(leaves | nodes))


def _nodes(children: st.SearchStrategy[_Filter]) -> st.SearchStrategy[_Filter]:
    return st.builds(
        _Node, st.lists(children, min_size=1, max_size=3), st.sampled_from(["AND", "OR"]), st.booleans(), st.booleans()
    )


@st.composite
def query_sets(draw: st.DrawFn) -> RandomQuerySet:
    """Generate query sets of any model; what else makes one that is not compiled is in test_compiler.py."""
    model = draw(st.sampled_from(MODELS))
    columns = st.sampled_from(["id", "-id", *model._meta.fields_db_projection])
    order: st.SearchStrategy[list[str]] = st.just([]) | st.lists(columns, max_size=2)
    return RandomQuerySet(model, draw(st.lists(_filters(model), max_size=2)), draw(order))
