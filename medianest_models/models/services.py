"""The services that the portal depends on, the history of their checks, and their maintenance windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.indexes import BrinIndex
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index

from medianest_models.encryption import EncryptedField, EncryptedJSONField
from medianest_models.enums import ServiceStatus
from medianest_models.fields import EnumField, TextField, TimestampField, VarcharField
from medianest_models.masking import mask_credentials
from medianest_models.models.base import Base, UUIDModel


class Service(Base):
    """A service such as Plex or Overseerr."""

    id = fields.IntField(primary_key=True)
    name = VarcharField(max_length=100, unique=True)
    display_name = VarcharField(max_length=100)
    url = TextField(null=True)
    api_key = EncryptedField(bound_to="name", null=True)
    enabled = fields.BooleanField(default=True, db_default=True)
    config_data = EncryptedJSONField(bound_to="name", null=True)
    created_at = TimestampField(db_default=Now())
    updated_at = TimestampField(db_default=Now())

    status_history: fields.ReverseRelation[ServiceStatusHistory]
    maintenance: fields.ReverseRelation[ServiceMaintenance]

    class Meta:
        table = "services"

    @property
    def masked_url(self) -> str | None:
        """The URL with masked credentials: see `medianest_models.masking.mask_credentials`."""
        return None if self.url is None else mask_credentials(self.url)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for name, value in super().__iter__():
            yield name, self.masked_url if name == "url" else value


class ServiceStatusHistory(UUIDModel):
    """The result of one check of a service."""

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="status_history", on_delete=fields.CASCADE
    )
    service_id: int
    status = EnumField(ServiceStatus, max_length=20)
    response_time_ms = fields.IntField(null=True)
    error_message = TextField(null=True)
    checked_at = TimestampField(db_default=Now())

    class Meta:
        table = "service_status_history"
        # The table is partitioned by checked_at, and has no primary key, whose index would be a third of its size.
        indexes = (
            Index(fields=("service_id", "checked_at"), name="ix_service_status_history_service_id_checked_at"),
            BrinIndex(fields=("id",), name="ix_service_status_history_id"),
        )


class ServiceMaintenance(UUIDModel):
    """A maintenance window of a service: time that counts neither as up nor as down.

    It includes its beginning but not its end. The windows of a service may overlap; time in several counts once.
    """

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="maintenance", on_delete=fields.CASCADE
    )
    service_id: int
    begins_at = TimestampField()
    ends_at = TimestampField(null=True)
    reason = TextField(null=True)
    created_at = TimestampField(db_default=Now())

    class Meta:
        table = "service_maintenance"
        indexes = (Index(fields=("service_id", "begins_at"), name="ix_service_maintenance_service_id_begins_at"),)
