"""Media requests and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.models import MediaRequest, MediaRequestStatusUpdate
from medianest_models.repositories import media_requests
from medianest_models.studio.editing import EditableView

if TYPE_CHECKING:
    from tortoise.models import Model


class MediaRequests(EditableView):
    """Media requests. A new status is noted in the request's history."""

    table = MediaRequest
    icon = "fa fa-film"
    name_of_row = "title"
    unlisted = ("imdb_id", "overseerr_id", "request_data")
    fixed = ("created_at", "completed_at")
    fixed_later = ("user",)
    set_later = ("status",)
    make = staticmethod(media_requests.submit)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a request; its status along the transitions that are allowed."""
        status = values.pop("status", None)
        await super().change(row, values)
        if status is not None:
            await media_requests.transition(row.pk, status=status, message="changed in the studio")


class MediaRequestStatusUpdates(EditableView):
    """The history of the requests, which a change of a request's status writes. A message can be corrected."""

    table = MediaRequestStatusUpdate
    icon = "fa fa-clock-rotate-left"
    name_of_row = "status"
    fixed = ("request", "status", "created_at")
    creatable = False
    deletable = False
