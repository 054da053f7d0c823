"""Verification of session tokens."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Final

from asyncpg import Record
from pydantic import SecretStr

from medianest_models.checks import as_secret
from medianest_models.db.data_loader import DataLoader
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import StatementClient, fetch, fetch_one
from medianest_models.encryption import SecretParameter, hash_token
from medianest_models.errors import AccountSuspendedError, InvalidTokenError
from medianest_models.models import SessionToken, User

ROTATION_GRACE: Final = timedelta(seconds=30)
"""The time for which an exchanged token stays valid, for requests that were sent together with the exchange."""

_TOUCH_AFTER: Final = timedelta(minutes=1)

# Raw: one statement reads the sessions and their users and records the uses; it skips a locked row instead of waiting.
# The array is a SELECT, because otherwise PostgreSQL would plan again for each array length. With the LIMIT, it looks
# up each token separately: otherwise it would read all of a small table, and sort or hash the rows.
_VERIFY = """
WITH touched AS (
    UPDATE session_tokens SET last_used_at = statement_timestamp()
    WHERE id = ANY (ARRAY (
        SELECT s.id FROM session_tokens s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash {matches}
          AND u.status = 'active' AND s.expires_at > statement_timestamp()
          AND (s.rotated_at IS NULL OR s.rotated_at > statement_timestamp() - make_interval(secs => $2))
          AND (s.last_used_at IS NULL OR s.last_used_at <= statement_timestamp() - make_interval(secs => $3))
        FOR UPDATE OF s SKIP LOCKED
    ))
    RETURNING id, last_used_at
)
SELECT {session}, {user}, s.expires_at <= statement_timestamp()
       OR s.rotated_at <= statement_timestamp() - make_interval(secs => $2) AS is_over
FROM {found} AS s
JOIN users u ON u.id = s.user_id LEFT JOIN touched t ON t.id = s.id
"""
_ONE: Final = {"matches": "= $1", "found": "(SELECT * FROM session_tokens WHERE token_hash = $1)"}
_MANY: Final = {
    "matches": "= ANY ((SELECT $1::text[])::text[])",
    "found": """unnest((SELECT $1::text[])) AS asked (token_hash)
CROSS JOIN LATERAL (SELECT * FROM session_tokens WHERE token_hash = asked.token_hash LIMIT 1)""",
}


@on_primary
async def verify(token: SecretStr | str) -> SessionToken:
    """Return the session of a token, with its user. Record the use if the last record is older than a minute.

    Raises:
        InvalidTokenError: The token is unknown, expired, revoked, or was exchanged for another more than
            `ROTATION_GRACE` ago.
        AccountSuspendedError: The user is suspended.
    """
    row = await _row_by_hash(stored_hash(token))
    if row is None:
        raise InvalidTokenError
    of_session, of_user = _row_columns()
    session, user = SessionToken.from_row(row, of_session), User.from_row(row, of_user)
    if not user.is_active:
        raise AccountSuspendedError
    if row["is_over"]:
        raise InvalidTokenError
    session.user = user
    return session


def stored_hash(token: SecretStr | str) -> SecretParameter:
    """Return the stored hash of a token."""
    return hash_token(as_secret(token, "token").get_secret_value())


@cache
def _columns(model: type[SessionToken | User]) -> tuple[str, ...]:
    """List the columns of a model, in the order of the statement's rows."""
    # Computed on first use: Tortoise knows the foreign key columns only after its initialisation.
    return tuple(sorted(model._meta.db_fields))


@cache
def _row_columns() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the columns of the statement's rows: once those of the session by their own names, and once the user's."""
    session, user = _columns(SessionToken), _columns(User)
    return (*session, *(f"user.{name}" for name in user), "is_over"), (
        *(f"session.{name}" for name in session), *user, "is_over",
    )  # fmt: skip


@cache
def _verify_sql(*, many: bool) -> str:
    session = ", ".join(
        "coalesce(t.last_used_at, s.last_used_at)" if column == "last_used_at" else f's."{column}"'
        for column in _columns(SessionToken)
    )
    user = ", ".join(f'u."{column}"' for column in _columns(User))
    return _VERIFY.format(session=session, user=user, **(_MANY if many else _ONE))


async def _by_hash(hash_: SecretParameter, *, client: StatementClient) -> Record | None:
    return await fetch_one(
        _verify_sql(many=False), hash_, ROTATION_GRACE.total_seconds(), _TOUCH_AFTER.total_seconds(), client=client
    )


async def _by_hashes(hashes: list[SecretParameter]) -> list[Record | None]:
    rows = await fetch(_verify_sql(many=True), hashes, ROTATION_GRACE.total_seconds(), _TOUCH_AFTER.total_seconds())
    by_hash = {row["token_hash"]: row for row in rows}
    return [by_hash.get(hash_) for hash_ in hashes]


_row_by_hash: Final = DataLoader(_by_hash, _by_hashes)
