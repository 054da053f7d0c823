"""The portal's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.errors import ConflictError
from medianest_models.models import SystemConfig
from medianest_models.repositories import system_config
from medianest_models.studio.editing import EditableView

if TYPE_CHECKING:
    from tortoise.models import Model


class SystemConfigs(EditableView):
    """The portal's settings. One that is changed here is left alone by the seed from then on."""

    table = SystemConfig
    icon = "fa fa-sliders"
    name_of_row = "key"
    fixed = ("updated_at", "customized_at")
    fixed_later = ("key",)

    async def insert(self, values: dict[str, Any]) -> Model:
        """Add a setting."""
        if await SystemConfig.filter(key=values["key"]).exists():
            raise ConflictError("there is a setting with that key", constraint="uq_system_config_key")
        row = await system_config.set(values.pop("key"), value=values.pop("value"))
        await super().change(row, values)
        return row

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a setting; a value has to have the form that this package reads."""
        await super().change(row, {name: value for name, value in values.items() if name != "value"})
        if "value" in values:
            config = await SystemConfig.get(id=row.pk)
            await system_config.set(config.key, value=values["value"], updated_by=config.updated_by_id)
