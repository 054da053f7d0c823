"""Taking tokens for their sessions."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from medianest_models.crypto import SecretParameter, hash_token
from medianest_models.db.coalescing import Coalesced
from medianest_models.db.statements import fetch
from medianest_models.errors import AccountSuspendedError, InvalidTokenError
from medianest_models.models import SessionToken, User
from medianest_models.repositories._arguments import as_secret

if TYPE_CHECKING:
    from pydantic import SecretStr

ROTATION_GRACE: Final = timedelta(seconds=30)
"""For how long an exchanged token is still taken for good: requests that were sent together with the exchange."""

_TOUCH_AFTER: Final = timedelta(minutes=1)


# Raw: sessions, their users and the touches are one statement; a locked row is left untouched, not waited for. The
# array is a SELECT, because PostgreSQL would plan anew for each array's length.
_VERIFY = """
WITH touched AS (
    UPDATE session_tokens SET last_used_at = statement_timestamp()
    WHERE id = ANY (ARRAY (
        SELECT s.id FROM session_tokens s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash = ANY ((SELECT $1::text[])::text[])
          AND u.status = 'active' AND s.expires_at > statement_timestamp()
          AND (s.rotated_at IS NULL OR s.rotated_at > statement_timestamp() - $2::interval)
          AND (s.last_used_at IS NULL OR s.last_used_at <= statement_timestamp() - $3::interval)
        FOR UPDATE OF s SKIP LOCKED
    ))
    RETURNING id, last_used_at
)
SELECT {session}, {user},
       coalesce(t.last_used_at, s.last_used_at) AS "touched_at",
       s.expires_at <= statement_timestamp() OR s.rotated_at <= statement_timestamp() - $2::interval AS "is_over"
FROM session_tokens s JOIN users u ON u.id = s.user_id LEFT JOIN touched t ON t.id = s.id
WHERE s.token_hash = ANY ((SELECT $1::text[])::text[])
"""


async def verify(token: SecretStr | str) -> SessionToken:
    """The session of a token, with its user. Notes the use when the last one is more than a minute ago.

    Raises:
        InvalidTokenError: The token is unknown, expired, revoked, or was exchanged for another.
        AccountSuspendedError: The user is suspended.
    """
    row = await _row_by_hash(stored_hash(token))
    if row is None:
        raise InvalidTokenError
    session = SessionToken.from_row({column: row[alias] for column, alias in _aliases(SessionToken)})
    user = User.from_row({column: row[alias] for column, alias in _aliases(User)})
    if not user.is_active:
        raise AccountSuspendedError
    if row["is_over"]:
        raise InvalidTokenError
    session.user = user
    session.last_used_at = row["touched_at"]
    return session


def stored_hash(token: SecretStr | str) -> SecretParameter:
    """What is stored of a token."""
    return hash_token(as_secret(token, "token").get_secret_value())


@cache
def _aliases(model: type[SessionToken | User]) -> tuple[tuple[str, str], ...]:
    """The columns of a model, each with what it is called in the statement's rows."""
    # Made when first needed: Tortoise knows the foreign keys' columns once it is initialised.
    return tuple((column, f"{model.__name__}.{column}") for column in sorted(model._meta.db_fields))


@cache
def _verify_sql() -> str:
    session, user = (
        ", ".join(f'{table}."{column}" AS "{alias}"' for column, alias in _aliases(model))
        for table, model in (("s", SessionToken), ("u", User))
    )
    return _VERIFY.format(session=session, user=user)


async def _by_hash(hashes: list[SecretParameter]) -> list[dict[str, Any] | None]:
    rows = await fetch(_verify_sql(), hashes, ROTATION_GRACE, _TOUCH_AFTER)
    by_hash = {row["SessionToken.token_hash"]: row for row in rows}
    return [by_hash.get(hash_) for hash_ in hashes]


_row_by_hash: Final = Coalesced(_by_hash)
