"""Sessions: issuing a token, exchanging it for the next one, ending them.

Issuing or exchanging a token first locks the user's row, and so does ending sessions; a credential is locked after its
user. So no token that is made during a change of the password survives. Ending sessions locks in a statement of its
own: the deletion then sees the tokens of those it waited for. With the old snapshot of a repeatable read or
serializable transaction it would not, so ending sessions in one is refused.

The locks of the user are FOR NO KEY UPDATE, where those who wait take turns. FOR SHARE would not wait for its turn: a
user who exchanges tokens without a pause would hold up the end of the sessions for ever. FOR UPDATE would also wait
for those who insert something of the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import BaseModel, SecretStr
from pypika_tortoise.functions import Now
from typing_extensions import TypeVar

from medianest_models.checks import as_uuid
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import execute, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.encryption import new_token
from medianest_models.enums import UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    InvalidTokenError,
    NotFoundError,
    PasswordChangeRequiredError,
    TokenReuseError,
)
from medianest_models.models import SessionToken, User
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column, stored_value
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.sessions.verification import ROTATION_GRACE, stored_hash
from medianest_models.repositories.system_config import REMEMBER_ME_DAYS, default_value, malformed, value_condition

SessionT = TypeVar("SessionT", bound=BaseModel | SessionToken, default=SessionToken)


@dataclass(frozen=True)
class IssuedSession:
    """A session and its token, which can't be read again later."""

    session: SessionToken
    token: SecretStr


@dataclass(frozen=True)
class RotatedSession:
    """A session whose token was presented for exchange.

    Attributes:
        session: The session; the new one if a new token was issued.
        token: The new token; None if another request exchanged the same token a moment ago and received the new one.
    """

    session: SessionToken
    token: SecretStr | None


# 0 days where the setting makes no sense: nothing is written then, and the error names it.
_LIFETIME: Final = f"""(
    SELECT coalesce((
        SELECT CASE WHEN value @@ '{value_condition(REMEMBER_ME_DAYS)}' THEN (value -> 'days')::integer ELSE 0 END
        FROM system_config WHERE key = '{REMEMBER_ME_DAYS}'
    ), {default_value(REMEMBER_ME_DAYS)["days"]}) AS days
) AS lifetime"""  # noqa: S608 - constants

# Raw: one statement locks both rows, checks their values, and inserts the token.
_ISSUE: Final = f"""
WITH account AS (
    SELECT u.id, u.status AS user_status, c.must_change_password IS TRUE AS must_change_password,
           $7::text IS NULL OR c.password_hash IS NOT DISTINCT FROM $7 AS is_verified
    FROM (SELECT id, status FROM users WHERE id = $2 FOR NO KEY UPDATE) AS u
    LEFT JOIN LATERAL (
        SELECT password_hash, must_change_password FROM local_credentials WHERE user_id = u.id FOR SHARE
    ) AS c ON TRUE
), session AS (
    INSERT INTO session_tokens (id, user_id, token_hash, device_fingerprint, ip_address, user_agent, expires_at)
    SELECT $1, id, $3, $4, $5, $6, statement_timestamp() + make_interval(hours => 24 * days)
    FROM account, {_LIFETIME} WHERE user_status = 'active' AND is_verified AND NOT must_change_password AND days > 0
    RETURNING *
)
SELECT session.*, user_status, is_verified, must_change_password FROM account LEFT JOIN session ON TRUE
"""  # noqa: S608 - constants

# Raw: the update lets only one of many exchanges of a token succeed, and the same statement inserts the new token.
_ROTATE: Final = f"""
WITH rotated AS (
    UPDATE session_tokens SET rotated_at = statement_timestamp() FROM {_LIFETIME}
    WHERE days > 0 AND token_hash = $1 AND rotated_at IS NULL AND expires_at > statement_timestamp()
      AND user_id = (
        SELECT id FROM users
        WHERE id = (SELECT user_id FROM session_tokens WHERE token_hash = $1) AND status = 'active'
        FOR NO KEY UPDATE
      )
    RETURNING *
)
INSERT INTO session_tokens
    (id, user_id, token_hash, family_id, device_fingerprint, ip_address, user_agent, expires_at, last_used_at)
SELECT $2, user_id, $3, family_id, device_fingerprint, coalesce($4, ip_address), coalesce($5, user_agent),
       statement_timestamp() + make_interval(hours => 24 * days), statement_timestamp()
FROM rotated RETURNING *
"""  # noqa: S608 - constants

_PRESENTED = """
SELECT s.*, u.status AS user_status, s.expires_at <= statement_timestamp() AS is_over,
       s.rotated_at <= statement_timestamp() - make_interval(secs => $2) AS is_replay
FROM session_tokens s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1
"""

# Raw: the ORM finds nothing by a hash, which is refused in filters, and locks no joined row alone.
_LOCK: Final = """
SELECT s.family_id FROM session_tokens s JOIN users u ON u.id = s.user_id WHERE {} FOR NO KEY UPDATE OF u
"""


@on_primary
async def issue(
    user: User | UUID | str,
    *,
    device_fingerprint: str | None = None,
    ip_address: str | None = None,
    user_agent: str | None = None,
) -> IssuedSession:
    """Create a session that lasts for `session.remember_me_days` from now.

    For a user that `users.authenticate` returned, it checks that the password has not changed since. In a transaction,
    others who make or end a session of this user wait until it is over.

    Raises:
        NotFoundError: There is no such user.
        AccountSuspendedError: The user is suspended.
        AuthenticationError: The password was changed since it was verified.
        PasswordChangeRequiredError: The user has to change the password first.
        InvalidInputError: An argument can't be stored, or the user comes from a pickle, which contains no hash.
        ConfigurationError: The stored `session.remember_me_days` is not a number of days.
    """
    user_id, credential = (user.id, user.verified_credential) if isinstance(user, User) else (user, None)
    token = new_token()
    row = await fetch_one(
        _ISSUE,
        new_id(),
        as_uuid(user_id, "user_id"),
        token.hash,
        as_column(SessionToken, "device_fingerprint", device_fingerprint),
        as_column(SessionToken, "ip_address", ip_address),
        as_column(SessionToken, "user_agent", user_agent),
        None if credential is None else stored_value(credential, "password_hash"),
    )
    if row is None:
        raise NotFoundError(f"there is no user {user_id}")
    if row["id"] is not None:
        return IssuedSession(SessionToken.from_row(row), token.raw)
    if row["user_status"] != UserStatus.ACTIVE:
        raise AccountSuspendedError
    if not row["is_verified"]:
        raise AuthenticationError
    if row["must_change_password"]:
        raise PasswordChangeRequiredError
    raise malformed(REMEMBER_ME_DAYS)


@on_primary
async def rotate(
    token: SecretStr | str, *, ip_address: str | None = None, user_agent: str | None = None
) -> RotatedSession:
    """Exchange a token for a new one of its family, which lasts as long as a new session.

    A token can be exchanged once. Requests that present it again within `ROTATION_GRACE` get the session without a
    token. A later one means that someone has a copy, so all tokens of the family are revoked. Call it outside a
    transaction, because the error would roll back the revocation.

    Raises:
        TokenReuseError: The token was exchanged earlier than `ROTATION_GRACE` ago.
        InvalidTokenError: The token is unknown, expired or revoked.
        AccountSuspendedError: The user is suspended.
        ConfigurationError: As for `issue`.
    """
    presented = stored_hash(token)
    fresh = new_token()
    row = await fetch_one(
        _ROTATE,
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
    if row["rotated_at"] is None:
        raise malformed(REMEMBER_ME_DAYS)
    return RotatedSession(SessionToken.from_row(row), None)


async def revoke(token: SecretStr | str) -> bool:
    """End the session of a token, which is every token of its family; say whether there was one.

    Raises:
        InvalidInputError: As for `revoke_all`.
    """
    return await _end_family("s.token_hash = $1", stored_hash(token))


async def revoke_session(session_id: UUID | str, *, user_id: UUID | str) -> None:
    """End a session of a user, by the id of any token of its family, also of one that was exchanged meanwhile.

    Raises:
        NotFoundError: The user has no such session, or it has ended.
        InvalidInputError: As for `revoke_all`.
    """
    ids = as_uuid(session_id, "session_id"), as_uuid(user_id, "user_id")
    if not await _end_family("s.id = $1 AND u.id = $2", *ids):
        raise NotFoundError(f"user {ids[1]} has no session {ids[0]}")


async def revoke_all(user_id: UUID | str, *, except_token: SecretStr | str | None = None) -> int:
    """End all sessions of a user, except for that of a token; return how many tokens were deleted.

    Raises:
        InvalidTokenError: `except_token` is not a token of this user, or `verify` would not accept it. No session was
            ended.
        InvalidInputError: In a transaction that is repeatable read or serializable, which sees no session that was
            made since it began.
        NotFoundError: There is no such user.
    """
    user = as_uuid(user_id, "user_id")
    kept = None if except_token is None else stored_hash(except_token)
    async with transaction("read committed"):
        if await fetch_one("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", user) is None:
            raise NotFoundError(f"there is no user {user}")
        if kept is None:
            return await execute("DELETE FROM session_tokens WHERE user_id = $1", user)
        presented = await fetch_one(_PRESENTED, kept, ROTATION_GRACE.total_seconds())
        if presented is None or presented["user_id"] != user or presented["is_over"] or presented["is_replay"]:
            raise InvalidTokenError
        return await execute(
            "DELETE FROM session_tokens WHERE user_id = $1 AND family_id <> $2", user, presented["family_id"]
        )


async def list_for_user(
    user_id: UUID | str, *, params: PaginationParams | None = None, schema: type[SessionT] | None = None
) -> PaginatedResult[SessionT]:
    """List a user's running sessions, without what is stored of their tokens."""
    shown = [name for name in SessionToken._meta.db_fields if name != "token_hash"]
    running = SessionToken.filter(user_id=as_uuid(user_id, "user_id"), rotated_at__isnull=True, expires_at__gt=Now())
    return await paginate(running.only(*shown), params, schema=schema)


async def delete_expired(*, batch_size: int = BATCH_SIZE) -> int:
    """Delete the tokens whose time is over, and return how many; it can be interrupted at any time."""
    return await delete_in_batches(
        """
        DELETE FROM session_tokens WHERE id IN (
            SELECT id FROM session_tokens WHERE expires_at <= statement_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        """,
        batch_size=batch_size,
    )


async def _end_family(condition: str, *values: object) -> bool:
    async with transaction("read committed"):
        row = await fetch_one(_LOCK.format(condition), *values)
        family = None if row is None else row["family_id"]
        return await execute("DELETE FROM session_tokens WHERE family_id = $1", family) > 0
