"""Helpers of the tests of the schemas."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final, Union, get_args, get_origin

from tortoise.contrib.pydantic import PydanticModel

from medianest_models import schemas
from medianest_models.models.base import Base
from medianest_models.repositories import downloads, media_requests, services, system_config, users

SCHEMAS: Final[dict[str, type[PydanticModel]]] = {name: getattr(schemas, name) for name in schemas.__all__}
READ: Final = {name: schema for name, schema in SCHEMAS.items() if name.endswith(("Read", "WithoutSecrets"))}
WRITTEN: Final = {name: schema for name, schema in SCHEMAS.items() if name not in READ}

# The function that takes a schema's fields, and its arguments that are not part of the caller's document.
TAKEN_BY: Final[dict[str, tuple[Callable[..., Any], set[str]]]] = {
    "UserCreate": (users.upsert_from_plex, set()),
    "MediaRequestCreate": (media_requests.submit, {"user_id", "follow"}),
    "MediaRequestStatusUpdateCreate": (media_requests.transition, {"request_id"}),
    "YouTubeDownloadCreate": (downloads.enqueue, {"user_id"}),
    "ServiceUpdate": (services.configure, {"name"}),
    "ServiceStatusHistoryCreate": (services.record_check, {"service"}),
    "ServiceMaintenanceCreate": (services.maintenance.plan, {"service"}),
    "SystemConfigUpdate": (system_config.set, {"key", "updated_by"}),
}


def model_of(schema: type[PydanticModel]) -> type[Base]:
    """Return the model that a schema was made from."""
    model: type[Base] = schema.model_config["orig_model"]  # type: ignore[typeddict-item]  # Tortoise puts it there
    return model


def created(schema: type[PydanticModel]) -> type[PydanticModel]:
    """Return the result of `pydantic_model_creator` for a schema, before the declaration was applied."""
    _, made = schema.__bases__
    assert issubclass(made, PydanticModel)
    assert made.__name__ == schema.__name__
    return made


def without_none(annotation: Any) -> tuple[Any, bool]:
    """Return an annotation without None, and whether it included None."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    rest = [arg for arg in get_args(annotation) if arg is not type(None)]
    merged = rest[0]
    for arg in rest[1:]:
        merged |= arg
    return merged, len(rest) < len(get_args(annotation))
