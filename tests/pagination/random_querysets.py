"""Random query sets of every kind, to compare two ways to run them."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from hypothesis import strategies as st
from tortoise.expressions import F, Q, RawSQL, Subquery
from tortoise.fields import BooleanField, IntField, JSONField, UUIDField
from tortoise.fields.data import CharEnumFieldInstance, DatetimeField, IntEnumFieldInstance
from tortoise.functions import Count, Lower
from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.query_utils import Prefetch
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


class _Own(QuerySet[Any]):
    """A query set with its own way to build the query: it excludes the first row of its table."""

    def _make_query(self) -> None:
        super()._make_query()
        table = self.model._meta.basetable
        self.query = self.query.where(table[self.model._meta.db_pk_column] != str(IDS[0]))


class _Manager(Manager):
    """A manager with only some of the rows."""

    def get_queryset(self) -> QuerySet[Any]:
        return QuerySet(cast("type[Model]", self._model)).filter(id__not=IDS[1])


@dataclass
class RandomQuerySet:
    """A query set that can be built again and again.

    Attributes:
        model: The model.
        filters: The filters.
        steps: The further steps, in their order.
        base: The kind of query set that it begins with.
    """

    model: type[Model]
    filters: list[_Filter]
    steps: list[str]
    base: str

    def build(self) -> QuerySet[Any]:
        match self.base:
            case "own":
                queryset: QuerySet[Any] = _Own(self.model)
            case "manager":
                queryset = _Manager(self.model).get_queryset()
            case _:
                queryset = self.model.all()
        for step in self.steps:
            queryset = _steps(self.model)[step](queryset)
        return queryset.filter(*(node.build() for node in self.filters))


_RELATED: Final[dict[type[Model], dict[str, list[Any]]]] = {
    MediaRequest: {"user__role": ["user", "admin"], "user": [*IDS, None], "status_updates__message": TEXTS},
    User: {"media_requests__title": TEXTS, "local_credential__username": TEXTS, "media_requests": IDS},
    ServiceStatusHistory: {"service__name": TEXTS, "service": [1, 2]},
    MediaRequestStatusUpdate: {"request__user__plex_username": TEXTS, "request_id": IDS},
    SessionToken: {"user__plex_username": TEXTS},
    YouTubeDownload: {"user__status": ["active"]},
}
_STEPS: Final[dict[type[Model] | None, dict[str, Callable[[QuerySet[Any]], QuerySet[Any]]]]] = {
    None: {
        "distinct": lambda q: q.distinct(),
        "order_by id": lambda q: q.order_by("id"),
        "order_by -id": lambda q: q.order_by("-id"),
        "annotate RawSQL": lambda q: q.annotate(one=RawSQL("1")),
        "only id": lambda q: q.only("id"),
        "select_for_update": lambda q: q.select_for_update(),
        "using_db": lambda q: q.using_db(q.model._meta.db),
    },
    MediaRequest: {
        "order_by title": lambda q: q.order_by("title"),
        "order_by user": lambda q: q.order_by("-user__plex_username", "title"),
        "annotate lower": lambda q: q.annotate(lower=Lower("title")),
        "annotate count": lambda q: q.annotate(updates=Count("status_updates")),
        "filter annotation": lambda q: q.annotate(lower=Lower("title")).filter(lower="b"),
        "only": lambda q: q.only("title", "status", "request_data"),
        "only related": lambda q: q.only("id", "user__plex_username"),
        "select_related": lambda q: q.select_related("user"),
        "prefetch_related": lambda q: q.prefetch_related("user", "status_updates"),
        "prefetch": lambda q: q.prefetch_related(
            Prefetch("status_updates", MediaRequestStatusUpdate.filter(message="a"))
        ),
        "expression": lambda q: q.filter(tmdb_id=F("imdb_id")),
        "subquery": lambda q: q.filter(user_id__in=Subquery(User.filter(role="admin").values("id"))),
        "raw": lambda q: q.filter(title=RawSQL("'a'")),
    },
    User: {
        "order_by email": lambda q: q.order_by("-email"),
        "order_by token": lambda q: q.order_by("plex_token"),
        "only": lambda q: q.only("plex_id", "plex_token"),
        "select_related": lambda q: q.select_related("local_credential"),
        "prefetch_related": lambda q: q.prefetch_related("media_requests"),
        "filter twice": lambda q: q.exclude(role="admin"),
    },
    ServiceStatusHistory: {"order_by": lambda q: q.order_by("response_time_ms", "-checked_at")},
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


def _steps(model: type[Model]) -> dict[str, Callable[[QuerySet[Any]], QuerySet[Any]]]:
    return {**_STEPS[None], **_STEPS.get(model, {})}


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
    """Generate query sets of any model, most of them with filters only."""
    model = draw(st.sampled_from(MODELS))
    steps = st.lists(st.sampled_from(sorted(_steps(model))), max_size=2)
    bases = ["all", "all", "all", "manager", "own"] if isinstance(model._meta.pk, UUIDField) else ["all"]
    return RandomQuerySet(
        model,
        draw(st.lists(_filters(model), max_size=2)),
        draw(st.just([]) | steps),
        draw(st.sampled_from(bases)),
    )
