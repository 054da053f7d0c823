"""The activity log."""

from __future__ import annotations

from medianest_models.models import ActivityLog
from medianest_models.repositories import activity
from medianest_models.studio.editing import EditableView


class ActivityLogs(EditableView):
    """The activity log. An entry can be added and deleted, and is never changed."""

    table = ActivityLog
    icon = "fa fa-list"
    name_of_row = "action"
    unlisted = ("metadata", "user_agent")
    fixed = ("created_at",)
    editable = False
    make = staticmethod(activity.record)
