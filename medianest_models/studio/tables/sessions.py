"""Sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from medianest_models.models import SessionToken
from medianest_models.repositories import sessions
from medianest_models.studio.editing import EditableView

if TYPE_CHECKING:
    from tortoise.models import Model


class SessionTokens(EditableView):
    """The sessions, and where they run. A session is made by signing in; here it can be ended or its end be moved."""

    table = SessionToken
    icon = "fa fa-right-to-bracket"
    name_of_row = "id"
    unlisted = ("family_id", "device_fingerprint", "user_agent")
    fixed = ("user", "family_id", "created_at", "last_used_at", "rotated_at")
    creatable = False

    async def remove(self, row: Model) -> None:
        """End the session, also where its token is being exchanged."""
        await sessions.revoke_session(row.pk, user_id=cast("SessionToken", row).user_id)
