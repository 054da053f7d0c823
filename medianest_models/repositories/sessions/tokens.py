"""New sessions, and new tokens in exchange for old ones.

Whoever makes a token takes a share of the user's row first, whoever ends sessions takes the row for itself: a token
that is exchanged while the password changes can't slip through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medianest_models.checks import as_uuid
from medianest_models.db.statements import fetch_one
from medianest_models.encryption.keys import new_token
from medianest_models.enums import UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    InvalidTokenError,
    NotFoundError,
    PasswordChangeRequiredError,
    TokenReuseError,
)
from medianest_models.models import SessionToken
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column
from medianest_models.repositories.sessions.revocation import revoke
from medianest_models.repositories.sessions.verification import ROTATION_GRACE, stored_hash
from medianest_models.repositories.system_config import SEEDED_CONFIGS

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import SecretStr


@dataclass(frozen=True)
class IssuedSession:
    """A session and its token, which is shown here and never again."""

    session: SessionToken
    token: SecretStr


@dataclass(frozen=True)
class RotatedSession:
    """A session whose token was presented for exchange.

    Attributes:
        session: The session; the new one where a new token was issued.
        token: The new token; None when another request exchanged the same one a moment ago and has it.
    """

    session: SessionToken
    token: SecretStr | None


# Raw: the share of the user's row, the check of the account and the insert are one statement.
_ISSUE = """
INSERT INTO session_tokens (id, user_id, token_hash, device_fingerprint, ip_address, user_agent, expires_at)
SELECT $1, u.id, $3, $4, $5, $6, statement_timestamp() + make_interval(hours => 24 * {days})
FROM (SELECT id, status FROM users WHERE id = $2 FOR SHARE) AS u
WHERE u.status = 'active'
  AND NOT EXISTS (SELECT FROM local_credentials c WHERE c.user_id = u.id AND c.must_change_password)
RETURNING *
"""

_ACCOUNT = """
SELECT status, EXISTS (
    SELECT FROM local_credentials c WHERE c.user_id = u.id AND c.must_change_password
) AS must_change_password
FROM users u WHERE u.id = $1
"""

# Raw: of many exchanges of one token the update lets one through, and its insert belongs to the same statement. The
# share of the user's row comes first: whoever ends sessions holds that row while it deletes the tokens.
_ROTATE = """
WITH rotated AS (
    UPDATE session_tokens SET rotated_at = statement_timestamp()
    WHERE token_hash = $1 AND rotated_at IS NULL AND expires_at > statement_timestamp()
      AND user_id = (
        SELECT id FROM users
        WHERE id = (SELECT user_id FROM session_tokens WHERE token_hash = $1) AND status = 'active'
        FOR SHARE
      )
    RETURNING *
)
INSERT INTO session_tokens
    (id, user_id, token_hash, family_id, device_fingerprint, ip_address, user_agent, expires_at, last_used_at)
SELECT $2, user_id, $3, family_id, device_fingerprint, coalesce($4, ip_address), coalesce($5, user_agent),
       statement_timestamp() + make_interval(hours => 24 * {days}), statement_timestamp()
FROM rotated
RETURNING *
"""

_PRESENTED = """
SELECT s.*, u.status AS user_status, s.expires_at <= statement_timestamp() AS is_over,
       s.rotated_at <= statement_timestamp() - make_interval(secs => $2) AS is_replay
FROM session_tokens s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1
"""

_DAYS_KEY: Final = "session.remember_me_days"
_SEEDED_DAYS: Final = next(config.value["days"] for config in SEEDED_CONFIGS if config.key == _DAYS_KEY)
_DAYS: Final = (
    f"coalesce((SELECT (value->>'days')::integer FROM system_config WHERE key = '{_DAYS_KEY}'), {_SEEDED_DAYS})"  # noqa: S608 - constants of this module
)


async def issue(
    user_id: UUID | str,
    *,
    device_fingerprint: str | None = None,
    ip_address: str | None = None,
    user_agent: str | None = None,
) -> IssuedSession:
    """Begin a session that lasts for `session.remember_me_days` from now.

    Raises:
        NotFoundError: There is no such user.
        AccountSuspendedError: The user is suspended.
        PasswordChangeRequiredError: The user has to change the password first.
    """
    user = as_uuid(user_id, "user_id")
    token = new_token()
    row = await fetch_one(
        _ISSUE.format(days=_DAYS),
        new_id(),
        user,
        token.hash,
        as_column(SessionToken, "device_fingerprint", device_fingerprint),
        as_column(SessionToken, "ip_address", ip_address),
        as_column(SessionToken, "user_agent", user_agent),
    )
    if row is not None:
        return IssuedSession(SessionToken.from_row(row), token.raw)
    account = await fetch_one(_ACCOUNT, user)
    if account is None:
        raise NotFoundError(f"there is no user {user}")
    if account["status"] != UserStatus.ACTIVE:
        raise AccountSuspendedError
    raise PasswordChangeRequiredError


async def rotate(
    token: SecretStr | str, *, ip_address: str | None = None, user_agent: str | None = None
) -> RotatedSession:
    """Exchange a token for the next one of its family, which lasts from now as a new session does.

    A token can be exchanged once. Requests that present it again within `ROTATION_GRACE` learn that the session is
    good and get no token. Later that means that someone has a copy: all tokens of the family are revoked. Call it
    outside of a transaction, which would undo the revocation when the error leaves it.

    Raises:
        TokenReuseError: The token was exchanged before, longer ago than the grace.
        InvalidTokenError: The token is unknown, expired or revoked.
        AccountSuspendedError: The user is suspended.
    """
    presented = stored_hash(token)
    fresh = new_token()
    row = await fetch_one(
        _ROTATE.format(days=_DAYS),
        presented,
        new_id(),
        fresh.hash,
        as_column(SessionToken, "ip_address", ip_address),
        as_column(SessionToken, "user_agent", user_agent),
    )
    if row is not None:
        return RotatedSession(SessionToken.from_row(row), fresh.raw)
    row = await fetch_one(_PRESENTED, presented, ROTATION_GRACE.total_seconds())
    if row is None:
        raise InvalidTokenError
    if row["is_replay"]:
        await revoke(token)
        raise TokenReuseError
    if row["user_status"] != UserStatus.ACTIVE:
        raise AccountSuspendedError
    if row["is_over"]:
        raise InvalidTokenError
    return RotatedSession(SessionToken.from_row(row), None)
