"""The portal's own settings."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.models import SystemConfig
from medianest_models.schemas._declaration import Declared, read_schema, write_schema


@read_schema(SystemConfig)
class SystemConfigRead(Declared):
    """A setting: a key and a JSON value."""

    id: int
    key: str
    value: Any
    description: str | None
    updated_at: AwareDatetime
    updated_by_id: UUID | None
    customized_at: AwareDatetime | None


@write_schema(SystemConfig)
class SystemConfigUpdate(Declared):
    """A setting's new value: the argument of `system_config.set` beside the key and who changes it."""

    value: Any
