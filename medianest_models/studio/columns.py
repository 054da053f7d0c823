"""The field of a form for each column of a table, and the filters of a list for each kind of field."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from starlette_admin.contrib.tortoise import filters as library
from starlette_admin.fields import BaseField, BooleanField, UUIDField
from starlette_admin.filters.base import BaseFilter, FilterApplyContext, FilterDataType, FilterValidationError
from tortoise import fields as orm
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from medianest_models.encryption import EncryptedField, EncryptedJSONField, HashField
from medianest_models.fields import JSONField, TextField, TimestampField, VarcharField
from medianest_models.fields.scalars import IntEnumColumn, StrEnumColumn
from medianest_models.studio import fields as form
from medianest_models.studio.links import LINKS, LinkField


def attribute(model: type[Model], name: str) -> str:
    """Return the attribute that holds a field's value: of a relation, the one that holds the other row's id."""
    field = model._meta.fields_map.get(name)
    return str(field.source_field) if isinstance(field, ForeignKeyFieldInstance) else name


class _Instant(BaseFilter):
    """Compares with an instant; one without an offset is in UTC, as the studio shows them."""

    data_type = FilterDataType.STRING
    comparison: ClassVar[str]

    def parse_value(self, raw: str) -> datetime.datetime:
        """Read an instant."""
        try:
            instant = datetime.datetime.fromisoformat(raw)
        except (ValueError, TypeError):
            raise FilterValidationError("an instant must look like 2026-01-31 18:30") from None
        return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)

    def apply(self, ctx: FilterApplyContext) -> Q:
        """Return the condition."""
        return Q(**{f"{ctx.field_name}__{self.comparison}": ctx.value})


class Since(_Instant):
    """At an instant or later."""

    name, label, comparison = "since", "since (UTC)", "gte"


class Before(_Instant):
    """Before an instant."""

    name, label, comparison = "before", "before (UTC)", "lt"


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
        model: Any = getattr(ctx.view, "model", None)
        return Q(**{attribute(model, ctx.field_name): ctx.value})


_NULL: Final = (library.IsNullFilter, library.IsNotNullFilter)


def form_fields(model: type[Model]) -> list[BaseField]:
    """Make the fields for a table's columns: a relation instead of a foreign key, and no field for a hash."""
    columns = model._meta.fields_map
    relations = {attribute(model, name): name for name in (*model._meta.fk_fields, *model._meta.o2o_fields)}
    shown = [relations.get(name, name) for name in model._meta.fields_db_projection]
    return [_form_field(name, columns[name]) for name in shown if not isinstance(columns[name], HashField)]


def _form_field(name: str, field: Any) -> BaseField:  # noqa: C901 - a case for each kind of column
    common: dict[str, Any] = {"name": name, "required": field.required and not field.pk}
    match field:
        case ForeignKeyFieldInstance():
            filters = [Is, library.RelationIsNullFilter, library.RelationIsNotNullFilter]
            model = field.related_model
            return form.RelationField(**common, filters=filters, key=model._meta.db_table, model=model)
        case EncryptedField():
            return form.SecretField(**common)
        case EncryptedJSONField():
            return form.MaskedDocumentField(**common)
        case JSONField() | ArrayField():
            return form.DocumentField(**common, filters=[*_NULL])
        case TimestampField():
            return form.TimestampField(**common, filters=[Since, Before, *_NULL])
        case StrEnumColumn() | IntEnumColumn():
            choices = [(str(member.value), member.name.lower()) for member in field.enum_type]
            default = None if field.default is None else str(field.default.value)
            filters = [library.EnumInFilter, library.EnumNotInFilter]
            return form.ChoiceField(**common, filters=filters, choices=choices, default=default)
        case orm.BooleanField():
            return BooleanField(**common, default=field.default)
        case orm.UUIDField():
            return UUIDField(**common, filters=[Is])
        case VarcharField() if name == "ip_address":
            return form.AddressField(**common)
        case VarcharField() | TextField() if name in LINKS:
            return LinkField(**common, maxlength=getattr(field, "max_length", None), link=LINKS[name])
        case VarcharField():
            return form.TextField(**common, maxlength=field.max_length)
        case TextField() if hasattr(field.model, f"masked_{name}"):
            return form.MaskedUrlField(**common)
        case TextField():
            return form.LongTextField(**common)
        case orm.IntField() if name == "progress":
            return form.ProgressField(**common, default=field.default)
        case orm.IntField() | orm.SmallIntField():
            return form.NumberField(**common, default=field.default)
        case _:
            raise TypeError(f"{field.model.__name__}.{name}: the studio has no field for a {type(field).__name__}")
