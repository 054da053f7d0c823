"""Remember-me sessions: one-time tokens, stored only as hashes."""

from medianest_models.repositories.sessions.tokens import (
    IssuedSession as IssuedSession,
    RotatedSession as RotatedSession,
    delete_expired as delete_expired,
    issue as issue,
    list_for_user as list_for_user,
    revoke as revoke,
    revoke_all as revoke_all,
    revoke_session as revoke_session,
    rotate as rotate,
)
from medianest_models.repositories.sessions.verification import (
    ROTATION_GRACE as ROTATION_GRACE,
    verify as verify,
)
