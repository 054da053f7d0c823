"""The filters of a list, for each kind of field."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette_admin.contrib.tortoise import filters as library
from starlette_admin.filters import filters
from starlette_admin.filters.base import BaseFilter, FilterApplyContext, FilterDataType, FilterValidationError
from tortoise.expressions import Q

from medianest_models.studio.fields import ChoiceField, DocumentField, IdField, RelationField, TimestampField

if TYPE_CHECKING:
    from starlette_admin.fields import BaseField


class _InstantFilter(BaseFilter):
    """Compares with an instant; one without an offset is in UTC, as the studio shows them."""

    data_type = FilterDataType.STRING

    def parse_value(self, raw: str) -> datetime.datetime:
        """Read an instant."""
        try:
            instant = datetime.datetime.fromisoformat(raw)
        except (ValueError, TypeError):
            raise FilterValidationError("an instant must look like 2026-01-31 18:30") from None
        return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)


class Since(_InstantFilter):
    """At an instant or later."""

    name = "since"
    label = "since (UTC)"

    def apply(self, ctx: FilterApplyContext) -> Q:
        """Return the condition."""
        return _where(f"{ctx.field_name}__gte", ctx.value)


class Before(_InstantFilter):
    """Before an instant."""

    name = "before"
    label = "before (UTC)"

    def apply(self, ctx: FilterApplyContext) -> Q:
        """Return the condition."""
        return _where(f"{ctx.field_name}__lt", ctx.value)


class Is(BaseFilter):
    """An id, or the id of the row referred to."""

    name = "is"
    label = "is (id)"
    data_type = FilterDataType.STRING

    def parse_value(self, raw: str) -> UUID | int:
        """Read an id."""
        try:
            return int(raw) if str(raw).isdecimal() else UUID(raw)
        except (ValueError, TypeError, AttributeError):
            raise FilterValidationError("an id must be a UUID or a whole number") from None

    def apply(self, ctx: FilterApplyContext) -> Q:
        """Return the condition."""
        field = ctx.view.model._meta.fields_map[ctx.field_name]  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue] - a view has a model
        column = field.source_field if hasattr(field, "related_model") else ctx.field_name
        return _where(column, ctx.value)


class Filters(library.TortoiseFilterRegistry):
    """The filters of each kind of field."""

    @filters(TimestampField)
    def instant_filters(self, field: BaseField) -> list[type[BaseFilter]]:  # noqa: ARG002 - the library's signature
        """Return the filters of an instant."""
        return [Since, Before, library.IsNullFilter, library.IsNotNullFilter]

    @filters(IdField)
    def id_filters(self, field: BaseField) -> list[type[BaseFilter]]:  # noqa: ARG002 - the library's signature
        """Return the filters of an id."""
        return [Is]

    @filters(RelationField)
    def relation_filters(self, field: BaseField) -> list[type[BaseFilter]]:  # noqa: ARG002 - the library's signature
        """Return the filters of a relation."""
        return [Is, library.RelationIsNullFilter, library.RelationIsNotNullFilter]

    @filters(ChoiceField)
    def choice_filters(self, field: BaseField) -> list[type[BaseFilter]]:  # noqa: ARG002 - the library's signature
        """Return the filters of an enum."""
        return [library.EnumInFilter, library.EnumNotInFilter]

    @filters(DocumentField)
    def document_filters(self, field: BaseField) -> list[type[BaseFilter]]:  # noqa: ARG002 - the library's signature
        """Return the filters of a JSON document."""
        return [library.IsNullFilter, library.IsNotNullFilter]


def _where(lookup: str, value: Any) -> Q:
    condition: dict[str, Any] = {lookup: value}
    return Q(**condition)
