"""The portal's own settings, which an admin may change at runtime."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import Now

from medianest_models.fields import JSONField, TextField, TimestampField, VarcharField
from medianest_models.models.base import Base
from medianest_models.models.users import User


class SystemConfig(Base):
    """A setting: a key and a JSON value.

    `customized_at` is set when a value is changed after the seed; the seed leaves such a value alone.
    """

    id = fields.IntField(primary_key=True)
    key = VarcharField(max_length=100, unique=True)
    value = JSONField()
    description = TextField(null=True)
    updated_at = TimestampField(db_default=Now())
    updated_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=None, on_delete=fields.SET_NULL, null=True, source_field="updated_by"
    )
    updated_by_id: UUID | None
    customized_at = TimestampField(null=True)

    class Meta:
        table = "system_config"
