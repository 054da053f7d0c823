"""The activity log."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.models import ActivityLog
from medianest_models.schemas._declaration import Declared, read_schema


@read_schema(ActivityLog)
class ActivityLogRead(Declared):
    """One thing that was done."""

    id: UUID
    user_id: UUID | None
    action: str
    entity_type: str | None
    entity_id: str | None
    metadata: Any
    ip_address: str | None
    user_agent: str | None
    created_at: AwareDatetime
