"""The field of a form for each column of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise import fields as orm
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.relational import ForeignKeyFieldInstance

from medianest_models.encryption import EncryptedField, EncryptedJSONField, HashField
from medianest_models.fields import JSONField, TextField, TimestampField, VarcharField
from medianest_models.fields.scalars import IntEnumColumn, StrEnumColumn
from medianest_models.studio import fields as form
from medianest_models.studio import secret_fields as secret

if TYPE_CHECKING:
    from starlette_admin.fields import BaseField
    from tortoise.models import Model


def form_fields(model: type[Model], names: tuple[str, ...] = ()) -> list[BaseField]:
    """Make the fields for a table's columns, a relation in the place of its key, and none for a hash.

    Args:
        model: The table.
        names: Which columns and relations; empty for all.
    """
    columns = model._meta.fields_map
    relations = {field.source_field: name for name, field in columns.items() if _is_relation(field)}
    shown = [relations.get(name, name) for name in model._meta.fields_db_projection]
    return [_form_field(name, columns[name]) for name in names or shown if not isinstance(columns[name], HashField)]


def is_masked(model: type[Model], name: str) -> bool:
    """Return whether a part of a column is masked, so that searching or sorting by it would tell that part."""
    return hasattr(model, f"masked_{name}")


def _is_relation(field: Any) -> bool:
    return isinstance(field, ForeignKeyFieldInstance)


def _form_field(name: str, field: Any) -> BaseField:  # noqa: C901 - a case for each kind of column
    common: dict[str, Any] = {"name": name, "required": field.required and not field.pk}
    match field:
        case ForeignKeyFieldInstance():
            return form.RelationField(**common, key=field.related_model._meta.db_table)
        case EncryptedField():
            return secret.SecretField(**common)
        case EncryptedJSONField():
            return secret.MaskedDocumentField(**common)
        case JSONField() | ArrayField():
            return form.DocumentField(**common)
        case TimestampField():
            return form.TimestampField(**common)
        case StrEnumColumn() | IntEnumColumn():
            choices = [(str(member.value), member.name.lower()) for member in field.enum_type]
            return form.ChoiceField(**common, choices=choices, default=_default(field))
        case orm.BooleanField():
            return form.FlagField(**common, default=field.default)
        case orm.UUIDField():
            return form.IdField(**common)
        case VarcharField() if name == "ip_address":
            return form.AddressField(**common)
        case VarcharField():
            return form.TextField(**common, maxlength=field.max_length)
        case TextField() if is_masked(field.model, name):
            return secret.MaskedUrlField(**common)
        case TextField():
            return form.LongTextField(**common)
        case orm.IntField() | orm.SmallIntField():
            return form.NumberField(**common, default=field.default)
        case _:
            raise TypeError(f"{field.model.__name__}.{name}: the studio has no field for a {type(field).__name__}")


def _default(field: Any) -> str | None:
    return None if field.default is None else str(field.default.value)
