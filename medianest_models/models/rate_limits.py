"""Counters of requests in a window of time."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.indexes import Index

from medianest_models.fields import TimestampField, VarcharField
from medianest_models.models.base import UUIDModel
from medianest_models.models.users import User


class RateLimit(UUIDModel):
    """A counter: how often a user, or an anonymous caller's address, used an endpoint in one window."""

    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="rate_limits", on_delete=fields.CASCADE, null=True
    )
    user_id: UUID | None
    ip_address = VarcharField(max_length=45, null=True)
    endpoint = VarcharField(max_length=255)
    request_count = fields.IntField(default=0, db_default=0)
    window_start = TimestampField(db_default=SqlDefault("date_trunc('minute', now())"))

    class Meta:
        table = "rate_limits"
        unique_together = (
            ("user_id", "endpoint", "window_start"),
            ("ip_address", "endpoint", "window_start"),
        )
        indexes = (Index(fields=("window_start",), name="ix_rate_limits_window_start"),)


class RollingRateLimit(UUIDModel):
    """A counter: how often a user, or an anonymous caller's address, used an endpoint in a rolling window.

    `counts` are those of the last eleven parts in which it was used, each a tenth of the window, the newest first; at
    `expires_at` the newest ceases to count.
    """

    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="rolling_rate_limits", on_delete=fields.CASCADE, null=True
    )
    user_id: UUID | None
    ip_address = VarcharField(max_length=45, null=True)
    endpoint = VarcharField(max_length=255)
    window_seconds = fields.IntField()
    counts = ArrayField(element_type="int")
    expires_at = TimestampField()

    class Meta:
        table = "rolling_rate_limits"
        unique_together = (
            ("user_id", "endpoint", "window_seconds"),
            ("ip_address", "endpoint", "window_seconds"),
        )
        indexes = (Index(fields=("expires_at",), name="ix_rolling_rate_limits_expires_at"),)
