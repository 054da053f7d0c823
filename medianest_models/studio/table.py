"""The base of the lists and pages of all tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from uuid import UUID

from markupsafe import escape
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette_admin.contrib.tortoise import ModelView
from starlette_admin.export import CsvExporter
from starlette_admin.fields import BaseField
from starlette_admin.filters import FilterGroup
from starlette_admin.types import ListParams, RequestAction
from tortoise.expressions import Q
from tortoise.fields import CASCADE
from tortoise.models import Model
from tortoise.queryset import QuerySet

from medianest_models import models
from medianest_models.repositories.changes import Change
from medianest_models.studio.columns import form_fields
from medianest_models.studio.fields import (
    HIDING,
    DocumentField,
    LongTextField,
    RelationField,
    TextField,
    Unreadable,
    as_id,
    value_of,
)
from medianest_models.studio.paging import COUNTED, Page, count_rows, read_page

_FOLLOWERS: Final[dict[tuple[type[Model], str], str]] = {
    (models.MediaRequest, "user_id"): "followers",
    (models.MediaRequestFollower, "request__user_id"): "request__followers",
    (models.MediaRequestStatusUpdate, "request__user_id"): "request__followers",
}
"""The way from a user's requests, and from the rows that go with them, to those who follow the requests."""

_MODELS: Final[tuple[type[Model], ...]] = tuple(getattr(models, name) for name in models.__all__)
_EXPORTED: Final = 100
"""The number of rows that an export reads at a time."""


@dataclass(frozen=True)
class Dependents:
    """The rows of one table that refer to another table's, directly or through others.

    Attributes:
        model: Their table.
        relation: The relation that leads to the row or towards it.
        lookup: The column that leads to the row, as a filter.
        is_deleted: Whether they go with it; otherwise they stay and refer to nothing any more.
        direct: Whether they refer to the row itself, and not to a row that does.
    """

    model: type[Model]
    relation: str
    lookup: str
    is_deleted: bool
    direct: bool


class TableView(ModelView):
    """The pages that show one table.

    Attributes:
        table: The model.
        noun: The name for one of its rows, also in the activity log.
        name_of_row: The column that is shown as a row's name.
        unlisted: Columns that the list hides by default.
        fixed: Columns that no form writes, because the database, a worker or a sign-in does.
        fixed_later: Columns that can be set only when a row is created.
        set_later: Columns that are set automatically when a row is created, and can be changed later.
        more_fields: Fields of the forms that are no columns.
        followed: The change after which the list shows its rows anew, if there is one.
    """

    table: ClassVar[type[Model]]
    name_of_row: ClassVar[str]
    unlisted: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()
    fixed_later: ClassVar[tuple[str, ...]] = ()
    set_later: ClassVar[tuple[str, ...]] = ()
    more_fields: ClassVar[tuple[BaseField, ...]] = ()
    followed: ClassVar[type[Change] | None] = None

    actions: Sequence[str] | None = ("export",)
    exporters = (CsvExporter(escape_formulas=True), "json")
    importers = ()
    page_size = 25
    detail_template = "row.html"
    edit_template = "change.html"

    def __init__(self, *, read_only: bool) -> None:
        columns = self.table._meta
        self.read_only = read_only
        self.fields = sorted([*form_fields(self.table), *self.more_fields], key=self._place)
        self.fields_default_sort = [(columns.pk_attr, columns.pk.field_type is UUID)]
        self.exclude_fields_from_create = [*self.fixed, *self.set_later]
        self.exclude_fields_from_edit = [*self.fixed, *self.fixed_later]
        shown = [field for field in self.fields if not isinstance(field, HIDING)]
        self.searchable_fields = [field.name for field in shown]
        self.sortable_fields = [field.name for field in shown if not isinstance(field, (RelationField, DocumentField))]
        name = columns.db_table
        self.noun = name.removesuffix("s")
        super().__init__(
            self.table,
            key=name,
            display_name=self.noun.replace("_", " ").replace("youtube", "YouTube"),
            menu_label=name.replace("_", " ").capitalize().replace("Youtube", "YouTube"),
        )

    def _place(self, field: BaseField) -> int:
        """Return a field's sort key: first the row's name, then its owner."""
        if field.name in (self.table._meta.pk_attr, self.name_of_row):
            return 0
        return 1 if isinstance(field, RelationField) else 2

    def can_import(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return False: an import would bypass the forms."""
        return False

    def get_search_query(self, request: Request, term: str) -> Q:
        """Search for the row with an id, and for rows that contain a text in any text column."""
        condition = Q(pk__in=[]) if (row_id := as_id(self.table, term)) is None else Q(pk=row_id)
        for field in self.get_fields_list(request, action=RequestAction.DETAIL):
            if field.searchable and isinstance(field, (TextField, LongTextField)):
                condition |= Q(**{f"{field.name}__icontains": term})
        return condition

    async def find_all(  # noqa: PLR0917 - the library's signature
        self,
        request: Request,
        skip: int = 0,
        limit: int = 100,
        q: str | None = None,
        sorts: Sequence[tuple[str, str]] | None = None,
        filters: FilterGroup | None = None,
    ) -> Sequence[Any]:
        """Find the rows of a page; a list uses a cursor, because an offset reads all rows before it."""
        column, order = sort = (sorts or [(self.table._meta.pk_attr, "asc")])[0]
        rows = await self._selected(request, q, filters)
        if request.state.action is RequestAction.RELATION_LOOKUP or limit < 0:
            ordered = rows.order_by(column if order == "asc" else f"-{column}")
            found: list[Any] = await ordered.offset(skip).limit(COUNTED if limit < 0 else limit)
            return found
        page = await read_page(rows, _parameters(request), limit=limit, sort=sort)
        request.state.page = page
        return page.rows

    async def export_page(self, request: Request, parameters: Mapping[str, str]) -> Page:
        """Read a page of all rows with the search, filter and order of the URL."""
        wanted = self._parse_list_params(request)
        rows = await self._selected(request, wanted.q, wanted.filters)
        return await read_page(rows, parameters, limit=_EXPORTED, sort=wanted.sorts[0])

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        """Find a row; for its own page, count the rows that refer to it too."""
        row = await super().find_by_pk(request, pk)
        if row is not None and request.state.action is RequestAction.DETAIL:
            request.state.attached = await attached(row)
        return row

    async def count(self, request: Request, q: str | None = None, filters: FilterGroup | None = None) -> int:
        """Count the rows, exactly up to `paging.COUNTED`."""
        whole = q is None and (filters is None or filters.is_empty())
        request.state.count = await count_rows(await self._selected(request, q, filters), whole_table=whole)
        return int(request.state.count.number)

    def _parse_list_params(self, request: Request, query_params: QueryParams | None = None) -> ListParams:
        found = super()._parse_list_params(request, query_params)
        if "cols" not in (request.query_params if query_params is None else query_params):
            names = [field.name for field in self.get_fields_list(request)]
            unlisted = {*self.unlisted, "id"}  # a row's link contains its id
            found.visible_cols = [name for name in names if name not in unlisted]
        return found

    async def _selected(self, request: Request, q: str | None, filters: FilterGroup | None) -> QuerySet[Any]:
        rows = self.table.all().prefetch_related(*self._prefetch_names(request))
        try:
            selected = await self._apply_search_and_filters(request, rows, q, filters)
            selected.all().sql()  # converts the values to the columns' types
        except (ValueError, OverflowError) as error:
            raise HTTPException(400, f"The filter can't be used: {error}") from None
        return selected

    def _coerce_pk(self, pk: Any) -> Any:
        return as_id(self.table, str(pk))

    def _parse_sorts(self, raw_sorts: list[str], accessible_sortable: set[str]) -> list[Any]:
        return super()._parse_sorts(raw_sorts, accessible_sortable)[:1]  # a cursor supports only one sort column

    async def serialize_field_value(self, value: Any, field: BaseField, request: Request) -> Any:
        """Convert a value; if it can't be read, return the reason."""
        return value if isinstance(value, Unreadable) else await super().serialize_field_value(value, field, request)

    async def repr(self, obj: Any, request: Request) -> str:  # noqa: ARG002 - the library's signature
        """Return a row's name."""
        return str(value_of(obj, self.name_of_row))

    async def select2_result(self, obj: Any, request: Request) -> str:
        """Return a row for a list of choices."""
        return f"<span>{escape(await self.repr(obj, request))}</span>"


async def attached(row: Model) -> list[tuple[Dependents, int]]:
    """Count the rows that refer to a row, by table. A user's requests that others follow pass to these, and stay."""
    counted = []
    for dependents in _dependents(type(row)):
        rows = dependents.model.filter(**{dependents.lookup: row.pk})
        number = await rows.count()
        followers = _FOLLOWERS.get((dependents.model, dependents.lookup))
        if followers and number:
            deleted = await rows.filter(**{f"{followers}__isnull": True}).count()
            if dependents.direct:
                counted.append((replace(dependents, is_deleted=False), number - deleted))
            number = deleted
        counted.append((dependents, number))
    return [(dependents, number) for dependents, number in counted if number]


def _dependents(model: type[Model], path: str = "") -> Iterator[Dependents]:
    for table in _MODELS:
        for name in (*table._meta.fk_fields, *table._meta.o2o_fields):
            field: Any = table._meta.fields_map[name]
            if field.related_model is model:
                lookup = f"{name}__{path}" if path else field.source_field
                is_deleted = field.on_delete == CASCADE
                yield Dependents(table, name, lookup, is_deleted, direct=not path)
                if is_deleted:
                    yield from _dependents(table, lookup)


def _parameters(request: Request) -> QueryParams:
    """Return the parameters of the list's URL, which an export sends in a parameter of its own."""
    if request.state.action is RequestAction.EXPORT:
        return QueryParams((request.query_params.get("_list_query") or "").lstrip("?"))
    return request.query_params
