"""The activity log."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index

from medianest_models.fields import JSONField, TextField, TimestampField, VarcharField
from medianest_models.models.base import UUIDModel
from medianest_models.models.users import User


class ActivityLog(UUIDModel):
    """One thing that was done. It outlives the user who did it."""

    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="activity_logs", on_delete=fields.SET_NULL, null=True
    )
    user_id: UUID | None
    action = VarcharField(max_length=100)
    entity_type = VarcharField(max_length=50, null=True)
    entity_id = VarcharField(max_length=255, null=True)
    metadata = JSONField(null=True)
    ip_address = VarcharField(max_length=45, null=True)
    user_agent = TextField(null=True)
    created_at = TimestampField(db_default=Now())

    class Meta:
        table = "activity_logs"
        # The primary key is (id, created_at), because the table is partitioned by created_at.
        indexes = (
            Index(fields=("user_id", "created_at"), name="ix_activity_logs_user_id_created_at"),
            Index(fields=("action", "created_at"), name="ix_activity_logs_action_created_at"),
            Index(fields=("created_at", "id"), name="ix_activity_logs_created_at"),
            Index(
                fields=("entity_type", "entity_id", "created_at"),
                name="ix_activity_logs_entity_type_entity_id_created_at",
            ),
        )
