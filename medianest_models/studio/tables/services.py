"""The services and the history of their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.errors import NotFoundError
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.studio.editing import EditableView

if TYPE_CHECKING:
    from tortoise.models import Model


class Services(EditableView):
    """The services the portal stands on. Their keys are written and never shown."""

    table = Service
    icon = "fa fa-server"
    name_of_row = "display_name"
    unlisted = ("config_data",)
    fixed = ("created_at", "updated_at")


class ServiceStatusHistories(EditableView):
    """The results of the checks."""

    table = ServiceStatusHistory
    icon = "fa fa-heart-pulse"
    name_of_row = "checked_at"
    fixed_later = ("service", "checked_at")
    make = staticmethod(services.record_check)

    async def insert(self, values: dict[str, Any]) -> Model:
        """Record a check, whose service the form gives by its id."""
        service = await Service.get_or_none(id=values.pop("service_id"))
        if service is None:
            raise NotFoundError("service: there is no such service")
        return await super().insert({"service": service.name, **values})
