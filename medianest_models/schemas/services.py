"""The services that the portal depends on, the history of their checks, and their maintenance windows."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, SecretStr, SerializerFunctionWrapHandler, field_validator, model_serializer

from medianest_models.enums import ServiceStatus
from medianest_models.masking import mask_credentials
from medianest_models.models import Service, ServiceMaintenance, ServiceStatusHistory
from medianest_models.schemas._declaration import Declared, read_schema, write_schema


@read_schema(Service)
class ServiceRead(Declared):
    """A service, without its key and its further configuration. Credentials in its URL are masked."""

    id: int
    name: str
    display_name: str
    url: str | None
    enabled: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @field_validator("url")
    @classmethod
    def _mask_url(cls, url: str | None) -> str | None:
        return None if url is None else mask_credentials(url)


@write_schema(Service)
class ServiceUpdate(Declared):
    """A change of a service: the arguments of `services.configure` beside its name.

    Only what was given is dumped: `services.configure(name, **update.model_dump())` leaves the rest as it is. The URL
    is a `SecretStr`, because it may hold credentials.
    """

    display_name: str | None = None
    url: SecretStr | None = None
    api_key: SecretStr | None = None
    enabled: bool | None = None
    config_data: Any = None

    @field_validator("display_name", "enabled")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("must not be null; leave it out to leave it as it is")
        return value

    @field_validator("config_data")
    @classmethod
    def _hide_secrets(cls, document: Any) -> Any:
        return Service.config_data.from_assigned(document)

    @model_serializer(mode="wrap")
    def _only_what_was_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        given = self.model_fields_set
        return {name: value for name, value in handler(self).items() if name in given}


@read_schema(ServiceStatusHistory)
class ServiceStatusHistoryRead(Declared):
    """The result of one check of a service."""

    id: UUID
    service_id: int
    status: ServiceStatus
    response_time_ms: int | None
    error_message: str | None
    checked_at: AwareDatetime


@write_schema(ServiceStatusHistory)
class ServiceStatusHistoryCreate(Declared):
    """The result of a check: the arguments of `services.record_check` beside the service."""

    status: ServiceStatus
    response_time_ms: int | None = None
    error_message: str | None = None
    checked_at: AwareDatetime | None = None


@read_schema(ServiceMaintenance)
class ServiceMaintenanceRead(Declared):
    """A maintenance window of a service; `ends_at` is None while it has no end."""

    id: UUID
    service_id: int
    begins_at: AwareDatetime
    ends_at: AwareDatetime | None
    reason: str | None
    created_at: AwareDatetime


@write_schema(ServiceMaintenance)
class ServiceMaintenanceCreate(Declared):
    """A maintenance window: the arguments of `services.maintenance.plan` except the service."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime | None
    reason: str | None = None
