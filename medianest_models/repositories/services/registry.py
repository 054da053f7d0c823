"""The services and their configuration."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from typing_extensions import TypeVar

from medianest_models.checks import as_text
from medianest_models.db.transactions import transaction
from medianest_models.errors import InvalidInputError, NotFoundError
from medianest_models.models import Service
from medianest_models.pagination import MAX_LIMIT, PaginatedResult, PaginationParams, paginate

ServiceT = TypeVar("ServiceT", bound=BaseModel | Service, default=Service)

_NAME_LENGTH: Final = 100


class Unchanged(Enum):
    """The type of `UNCHANGED`."""

    UNCHANGED = auto()


UNCHANGED: Final = Unchanged.UNCHANGED
"""The default of an argument for which None is a value."""


async def get(name: str) -> Service:
    """Return a service by its name.

    Raises:
        NotFoundError: There is no such service.
    """
    service = await Service.get_or_none(name=as_service_name(name, "name"))
    if service is None:
        raise no_such_service(name)
    return service


async def list_enabled(
    *, params: PaginationParams | None = None, schema: type[ServiceT] | None = None
) -> PaginatedResult[ServiceT]:
    """List the enabled services, by name; without `params` the first 100, which is all of them."""
    enabled = Service.filter(enabled=True).order_by("name")
    return await paginate(enabled, params or PaginationParams(limit=MAX_LIMIT), schema=schema)


async def configure(
    name: str,
    *,
    display_name: str | Unchanged = UNCHANGED,
    url: str | SecretStr | Unchanged | None = UNCHANGED,
    api_key: str | SecretStr | Unchanged | None = UNCHANGED,
    config_data: Any | Unchanged = UNCHANGED,
    enabled: bool | Unchanged = UNCHANGED,
) -> Service:
    """Change only the given values, even if others change other values at the same time.

    It creates no service; the seed creates them. It returns the service as it is stored now. None removes a URL, a key
    or a configuration. The URL is stored unencrypted and may contain credentials: show `Service.masked_url`. The key is
    encrypted. `config_data` is a JSON document that replaces the whole further configuration; the values under
    secret-looking keys are encrypted. A service that is not enabled is neither checked nor listed.

    Raises:
        NotFoundError: There is no service with this name.
    """
    given = {
        "display_name": display_name,
        "url": url.get_secret_value() if isinstance(url, SecretStr) else url,
        "api_key": api_key,
        "config_data": config_data,
        "enabled": enabled,
    }
    changes = {column: value for column, value in given.items() if value is not UNCHANGED}
    if display_name is not UNCHANGED:
        as_text(display_name, "display_name", max_length=_NAME_LENGTH)
    if enabled is not UNCHANGED and not isinstance(enabled, bool):
        raise InvalidInputError("enabled: must be a bool")
    async with transaction():
        # Locked, so that the result includes the concurrent changes of others.
        service = await Service.filter(name=as_service_name(name, "name")).select_for_update().get_or_none()
        if service is None:
            raise no_such_service(name)
        if changes:
            service.update_from_dict(changes)
            await service.save(update_fields=changes)
            await service.refresh_from_db(fields=["updated_at"])
    return service


def as_service_name(value: str, name: str = "service") -> str:
    """Check that a text can be a service's name."""
    return as_text(value, name, max_length=_NAME_LENGTH)


def no_such_service(*names: str) -> NotFoundError:
    """Make the error for names that no service has."""
    return NotFoundError(f"there is no service {', '.join(map(repr, names))}")
