"""Remember-me sessions."""

from __future__ import annotations

import datetime
from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index

from medianest_models.encryption import HashField
from medianest_models.fields import TextField, TimestampField, VarcharField
from medianest_models.models.base import UUIDModel, new_id
from medianest_models.models.users import User


class SessionToken(UUIDModel):
    """One token of a remember-me session; each use of it for a new one makes the next of its family."""

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="session_tokens", on_delete=fields.CASCADE
    )
    user_id: UUID
    token_hash = HashField(max_length=255, unique=True)
    family_id = fields.UUIDField(default=new_id, db_default=SqlDefault("medianest_uuid_v7()"))
    device_fingerprint = VarcharField(max_length=255, null=True)
    ip_address = VarcharField(max_length=45, null=True)
    user_agent = TextField(null=True)
    expires_at = TimestampField()
    created_at = TimestampField(db_default=Now())
    last_used_at = TimestampField(null=True)
    rotated_at = TimestampField(null=True)

    class Meta:
        table = "session_tokens"
        indexes = (
            Index(fields=("user_id", "created_at"), name="ix_session_tokens_user_id_created_at"),
            Index(fields=("expires_at",), name="ix_session_tokens_expires_at"),
            Index(fields=("family_id",), name="ix_session_tokens_family_id"),
        )

    @property
    def is_expired(self) -> bool:
        """Whether the token has expired, by this machine's clock."""
        return bool(self.expires_at <= datetime.datetime.now(datetime.UTC))
