"""Remember-me sessions."""

from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.models import SessionToken
from medianest_models.schemas._declaration import Declared, read_schema


@read_schema(SessionToken)
class SessionTokenRead(Declared):
    """One token of a remember-me session, without what is stored of it."""

    id: UUID
    user_id: UUID
    family_id: UUID
    device_fingerprint: str | None
    ip_address: str | None
    user_agent: str | None
    expires_at: AwareDatetime
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    rotated_at: AwareDatetime | None
