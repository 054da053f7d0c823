"""Remember-me sessions: one-time tokens, stored only as hashes."""

from medianest_models.repositories.sessions.tokens import (
    IssuedSession,
    RotatedSession,
    delete_expired,
    issue,
    list_for_user,
    revoke,
    revoke_all,
    revoke_session,
    rotate,
)
from medianest_models.repositories.sessions.verification import ROTATION_GRACE, verify

__all__ = [
    "ROTATION_GRACE",
    "IssuedSession",
    "RotatedSession",
    "delete_expired",
    "issue",
    "list_for_user",
    "revoke",
    "revoke_all",
    "revoke_session",
    "rotate",
    "verify",
]
