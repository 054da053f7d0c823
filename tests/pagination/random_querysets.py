"""Query sets of every kind, for a comparison of two ways to run them."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hypothesis import strategies as st
from tortoise.expressions import F, Q, RawSQL, Subquery
from tortoise.fields import BooleanField, IntField, JSONField, UUIDField
from tortoise.fields.data import CharEnumFieldInstance, DatetimeField, IntEnumFieldInstance
from tortoise.functions import Count, Lower
from tortoise.manager import Manager
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from tortoise.models import Model

IDS: Final = [uuid.UUID(int=number) for number in range(1, 7)]
TEXTS: Final = ["a", "b", "B", "a%", "a_b", "*", "", "'", "$1", "a' OR 1=1 --"]
_COMPARISONS: Final = ["", "__not", "__gte", "__gt", "__lte", "__lt"]
_TRUTHS: Final = ["__isnull", "__not_isnull"]
_LISTS: Final = ["__in", "__not_in", "__range"]
_OTHERS: Final = ["__contains", "__istartswith", "__iexact", "__year", "__posix_regex"]


@dataclass
class _Leaf:
    """A filter with two values, one for each query set of the same shape."""

    name: str
    values: tuple[Any, Any]

    def build(self, which: int) -> Q:
        return Q(**{self.name: self.values[which]})


@dataclass
class _Node:
    children: list[_Leaf | _Node]
    join_type: str
    negated: bool
    flat: bool = False  # the children's filters in one Q

    def build(self, which: int) -> Q:
        if self.flat and all(isinstance(child, _Leaf) for child in self.children):
            filters: dict[str, Any] = {child.name: child.values[which] for child in self.children}  # type: ignore[union-attr]
            node = Q(join_type=self.join_type, **filters)
        else:
            node = Q(*(child.build(which) for child in self.children), join_type=self.join_type)
        return ~node if self.negated else node


_Filter: TypeAlias = "_Leaf | _Node"


class _Own(QuerySet[Any]):
    """A query set that makes its query in its own way: no row of it is the first one of its table."""

    def _make_query(self) -> None:
        super()._make_query()
        table = self.model._meta.basetable
        self.query = self.query.where(table[self.model._meta.db_pk_column] != str(IDS[0]))


class _Manager(Manager):
    """A manager whose rows are only some."""

    def get_queryset(self) -> QuerySet[Any]:
        return QuerySet(cast("type[Model]", self._model)).filter(id__not=IDS[1])


@dataclass
class QuerySets:
    """Two query sets of the same shape.

    Attributes:
        model: Whose rows.
        filters: Which rows, with two values for each condition.
        steps: What else is done to a query set, in their order.
        base: What they begin with.
    """

    model: type[Model]
    filters: list[_Filter]
    steps: list[tuple[str, Callable[[QuerySet[Any]], QuerySet[Any]]]] = field(default_factory=list)
    base: str = "all"

    def build(self, which: int) -> QuerySet[Any]:
        match self.base:
            case "own":
                queryset: QuerySet[Any] = _Own(self.model)
            case "manager":
                queryset = _Manager(self.model).get_queryset()
            case _:
                queryset = self.model.all()
        for _, step in self.steps:
            queryset = step(queryset)
        return queryset.filter(*(node.build(which) for node in self.filters))

    def __repr__(self) -> str:
        return f"{self.model.__name__}.{self.base} {[name for name, _ in self.steps]} {self.filters}"


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
    MediaRequest,
    User,
    LocalCredential,
    Service,
    ServiceStatusHistory,
    MediaRequestStatusUpdate,
    SessionToken,
    YouTubeDownload,
]


def _values(column: Any) -> st.SearchStrategy[Any]:
    """Values for a column: mostly stored ones, but others and wrong ones too."""
    wrong: list[Any] = ["*", "no such value", 7, None, F("id"), b"a"]
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
    return st.sampled_from([*found * 5, *wrong])


@st.composite
def _leaves(draw: st.DrawFn, model: type[Model]) -> _Leaf:
    columns = model._meta.fields_db_projection
    related = _RELATED.get(model, {})
    name = draw(st.sampled_from([*columns, *columns, "pk", *related]))
    if name in related:
        value = st.sampled_from(related[name])
        return _Leaf(name, (draw(value), draw(value)))
    value = _values(model._meta.fields_map[model._meta.pk_attr if name == "pk" else name])
    kinds = [_COMPARISONS, _COMPARISONS, _COMPARISONS, _LISTS, _LISTS, _TRUTHS, _OTHERS]
    operator = draw(st.sampled_from(draw(st.sampled_from(kinds))))
    if operator in _LISTS:
        length = 2 if operator == "__range" else draw(st.integers(0, 3))
        value = st.lists(value, min_size=length, max_size=3).map(draw(st.sampled_from([list, tuple])))
    elif operator in _TRUTHS:
        value = st.sampled_from([True, False, 1, None])
    return _Leaf(name + operator, (draw(value), draw(value)))


def _filters(model: type[Model]) -> st.SearchStrategy[_Filter]:
    leaves: st.SearchStrategy[_Filter] = _leaves(model)
    return st.recursive(
        leaves,
        lambda children: st.builds(
            _Node, st.lists(children, max_size=3), st.sampled_from(["AND", "OR"]), st.booleans(), st.booleans()
        ),
        max_leaves=4,
    )


@st.composite
def query_sets(draw: st.DrawFn) -> QuerySets:
    """Query sets of any model, most of them of filters only."""
    model = draw(st.sampled_from(MODELS))
    known = {**_STEPS[None], **_STEPS.get(model, {})}
    names = draw(st.just([]) | st.lists(st.sampled_from(sorted(known)), max_size=2))
    has_uuid = isinstance(model._meta.pk, UUIDField)
    base = draw(st.sampled_from(["all", "all", "all", "manager", "own"])) if has_uuid else "all"
    filters = draw(st.lists(_filters(model), max_size=2))
    return QuerySets(model, filters, [(name, known[name]) for name in names], base)
