"""Accounts with a password of our own: the first admin, signing in, changing the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from medianest_models.checks import MAX_PASSWORD_LENGTH, as_new_password, as_secret
from medianest_models.db.statements import execute, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.encryption.passwords import hash_password, is_outdated, verify_password
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    PasswordChangeRequiredError,
)
from medianest_models.models import LocalCredential, User
from medianest_models.models.columns import as_column
from medianest_models.settings import DEFAULT_ADMIN_PASSWORD, load_settings

if TYPE_CHECKING:
    from medianest_models.encryption.keys import SecretParameter

# Raw, because a lock has no other form: of many bootstraps one goes first and the others find its admin. The number
# is any that nothing else in the database locks.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7021406153840117318)"

# Raw: the user and the credential are one statement.
_CREATE_ADMIN: Final = """
WITH admin AS (
    INSERT INTO users (plex_id, plex_username, role) VALUES ('local:' || $1::varchar, $1, 'admin') RETURNING *
), credential AS (
    INSERT INTO local_credentials (user_id, username, password_hash, must_change_password)
    SELECT id, $1, $2, TRUE FROM admin
)
SELECT * FROM admin
"""

# Raw, these two: they change a row only as long as the password is still the one that was checked.
_REHASH: Final = "UPDATE local_credentials SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
_CHANGE: Final = """
UPDATE local_credentials SET password_hash = $3, must_change_password = FALSE WHERE id = $1 AND password_hash = $2
"""

# Raw: an UPDATE that returns the row, and only of a user who may sign in.
_SIGN_IN: Final = "UPDATE users SET last_login_at = now() WHERE id = $1 AND status = 'active' RETURNING *"


async def bootstrap_admin() -> User | None:
    """Makes the first admin, when there is no admin at all: `ADMIN_USERNAME` with `ADMIN_PASSWORD`.

    The password has to be changed before the first session. Any number of processes may call this at once.

    Returns:
        The admin; None when there was one already.

    Raises:
        ConfigurationError: `ADMIN_PASSWORD` is too long, or the default in production.
        ConflictError: There is a user with that name, who is no admin.
        InvalidInputError: `ADMIN_USERNAME` can't be stored.
    """
    settings = load_settings()
    if await User.filter(role="admin").exists():
        return None
    password = settings.admin_password
    if settings.is_production and password.get_secret_value() == DEFAULT_ADMIN_PASSWORD:
        raise ConfigurationError("ADMIN_PASSWORD: must be set when MEDIANEST_ENV=production, to other than the default")
    username = as_column(LocalCredential, "username", settings.admin_username)
    hashed = await hash_password(password)
    async with transaction():
        await execute(_ONE_AT_A_TIME)
        if await User.filter(role="admin").exists():
            return None
        row = await fetch_one(_CREATE_ADMIN, username, hashed)
    return None if row is None else User.from_row(row)


async def authenticate(username: str, *, password: SecretStr | str) -> User:
    """The user of a name and a password; sets `last_login_at`.

    An unknown name takes as long to refuse as a wrong password.

    Raises:
        AuthenticationError: There is no such user, or the password is wrong.
        AccountSuspendedError: The password is right, but the user is suspended.
        PasswordChangeRequiredError: The password is right, but `change_password` has to come first.
    """
    password = as_secret(password, "password")
    credential = await _checked(username, password)
    if is_outdated(credential.password_hash):
        await execute(_REHASH, credential.id, _stored(credential), await hash_password(password))
    if not credential.user.is_active:
        raise AccountSuspendedError
    if credential.must_change_password:
        raise PasswordChangeRequiredError
    row = await fetch_one(_SIGN_IN, credential.user_id)
    if row is None:  # suspended or deleted while the password was checked
        raise AccountSuspendedError
    return User.from_row(row)


async def change_password(username: str, *, password: SecretStr | str, new_password: SecretStr | str) -> User:
    """Changes a user's own password, and ends all their sessions.

    Args:
        username: The name they sign in with.
        password: The password they have now.
        new_password: The one to have from now on: 12 to 1,024 characters, and another than now.

    Raises:
        AuthenticationError: There is no such user, or the password is wrong.
        AccountSuspendedError: The user is suspended.
        InvalidInputError: The new password is too short, too long, or the old one.
    """
    password, new_password = as_secret(password, "password"), as_new_password(new_password, "new_password")
    credential = await _checked(username, password)
    if not credential.user.is_active:
        raise AccountSuspendedError
    if new_password == password:
        raise InvalidInputError("new_password: must not be the password that it replaces")
    hashed = await hash_password(new_password)
    async with transaction():
        # The user's row first: sessions that are being made hold a share of it (see sessions).
        row = await fetch_one("SELECT * FROM users WHERE id = $1 FOR UPDATE", credential.user_id)
        if row is None or not await execute(_CHANGE, credential.id, _stored(credential), hashed):
            raise AuthenticationError  # the password was changed meanwhile
        await execute("DELETE FROM session_tokens WHERE user_id = $1", credential.user_id)
    return User.from_row(row)


async def _checked(username: str, password: SecretStr) -> LocalCredential:
    """The credential of a name, when the password is its.

    Raises:
        AuthenticationError: There is none, or it is not.
    """
    try:
        credential = await LocalCredential.filter(username=username).select_related("user").get_or_none()
    except InvalidInputError:  # no name that could be stored
        credential = None
    too_long = len(password) > MAX_PASSWORD_LENGTH
    stored = credential.password_hash if credential and not too_long else None
    if not await verify_password(stored, SecretStr("") if too_long else password) or credential is None:
        raise AuthenticationError
    return credential


def _stored(credential: LocalCredential) -> SecretParameter:
    hashed: SecretParameter = LocalCredential._meta.fields_map["password_hash"].to_db_value(
        credential.password_hash, credential
    )
    return hashed
