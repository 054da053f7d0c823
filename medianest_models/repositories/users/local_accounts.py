"""Local accounts, which have a password: the first admin and others, sign-in, and changes of the password.

Hashing a password takes time, and the row may change meanwhile: every write checks its conditions again under the
user's lock.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from asyncpg import Record
from pydantic import SecretStr

from medianest_models.checks import as_new_password, as_secret, as_uuid
from medianest_models.db.locks import AdvisoryLock, lock_in_transaction
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.encryption.passwords import hash_password, hashing_slot, is_outdated, verify_password
from medianest_models.enums import UserRole, UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
    PasswordChangeRequiredError,
)
from medianest_models.models import LocalCredential, User
from medianest_models.models.columns import as_column, as_name, stored_value
from medianest_models.repositories.sessions import revoke_all
from medianest_models.settings import DEFAULT_ADMIN_PASSWORD, load_settings

# Raw: the ORM can't lock a joined row. The user's row is locked first, as when sessions are created or ended.
_LOCK: Final = """
SELECT u.*, c.must_change_password FROM users u JOIN local_credentials c ON c.user_id = u.id
WHERE c.id = $1 AND c.password_hash = $2 FOR NO KEY UPDATE
"""


async def bootstrap_admin() -> User | None:
    """Create the first admin, if there is no admin: `ADMIN_USERNAME` with `ADMIN_PASSWORD`.

    The password must be changed before the first session. Any number of processes may call this at once.

    Returns:
        The admin; None if there was one already.

    Raises:
        ConfigurationError: `ADMIN_PASSWORD` is too long, or the default in production.
        ConflictError: A user with this name exists, who is not an admin.
        InvalidInputError: `ADMIN_USERNAME` can't be stored.
        OverloadedError: Too many passwords wait to be hashed already.
    """
    settings = load_settings()
    if await User.filter(role="admin").exists():
        return None
    password = settings.admin_password
    if settings.is_production and password.get_secret_value() == DEFAULT_ADMIN_PASSWORD:
        raise ConfigurationError("ADMIN_PASSWORD: must be set when MEDIANEST_ENV=production, to other than the default")
    username = as_column(LocalCredential, "username", settings.admin_username)
    with hashing_slot():
        hashed = await hash_password(password)
    async with transaction():
        await lock_in_transaction(AdvisoryLock.BOOTSTRAPPING)
        if await User.filter(role="admin").exists():
            return None
        return await _create(username, hashed, role=UserRole.ADMIN, must_change_password=True)


async def create_local(
    username: str,
    *,
    password: SecretStr | str,
    role: UserRole | str = UserRole.USER,
    must_change_password: bool = False,
) -> User:
    """Create a user who signs in by name and password, and not through Plex.

    Args:
        username: The name, also as their `plex_username`.
        password: 12 to 1,024 characters.
        role: The user's role.
        must_change_password: Whether they have to choose another password before their first session.

    Raises:
        ConflictError: A user with this name exists.
        InvalidInputError: The name or the role can't be stored, or the password has another length.
        OverloadedError: Too many passwords wait to be hashed already.
    """
    username, role = as_name(LocalCredential, "username", username), UserRole(as_column(User, "role", role))
    password = as_new_password(password, "password")
    with hashing_slot():
        hashed = await hash_password(password)
    async with transaction():
        return await _create(username, hashed, role=role, must_change_password=must_change_password)


@on_primary
async def authenticate(username: str, *, password: SecretStr | str) -> User:
    """Sign a user in by name and password, and set `last_login_at`.

    An unknown name takes as long to reject as a wrong password. Limit your callers first, with `rate_limits.hit`:
    hashing a password takes a core for a fifth of a second. Pass the returned user to `sessions.issue`.

    Raises:
        AuthenticationError: There is no such user, or the password is wrong.
        AccountSuspendedError: The password is right, but the user is suspended.
        PasswordChangeRequiredError: The password is right, but must be changed first with `change_password`.
        OverloadedError: Too many passwords wait to be hashed already.
    """
    password = as_secret(password, "password")
    with hashing_slot():
        credential = await _verified(username, password)
        renewed = await hash_password(password) if is_outdated(credential.password_hash) else None
    async with transaction():
        account = await _lock(credential)
        if account is not None:
            if account["must_change_password"]:
                raise PasswordChangeRequiredError
            if renewed is not None:
                credential.password_hash = renewed
                await credential.save(update_fields=["password_hash"])
            # Raw: an UPDATE that returns the row.
            (row,) = await fetch("UPDATE users SET last_login_at = now() WHERE id = $1 RETURNING *", credential.user_id)
            user = User.from_row(row)
            user.verified_credential = credential
            return user
    return await authenticate(username, password=password)  # the stored hash has changed, so check against that one


async def change_password(username: str, *, password: SecretStr | str, new_password: SecretStr | str) -> User:
    """Change a user's own password, and end all their sessions. The user that is returned is for `sessions.issue`.

    Raises:
        AuthenticationError: There is no such user, or the password is wrong.
        AccountSuspendedError: The user is suspended.
        InvalidInputError: The new password is not 12 to 1,024 characters long, or is the old one; or as for
            `sessions.revoke_all`.
        OverloadedError: Too many passwords wait to be hashed already.
    """
    password, new_password = as_secret(password, "password"), as_new_password(new_password, "new_password")
    with hashing_slot():
        credential = await _verified(username, password)
        if new_password == password:
            raise InvalidInputError("new_password: must not be the password that it replaces")
        hashed = await hash_password(new_password)
    async with transaction():
        account = await _lock(credential)
        if account is not None:
            await revoke_all(credential.user_id)
            credential.password_hash, credential.must_change_password = hashed, False
            await credential.save(update_fields=["password_hash", "must_change_password"])
            user = User.from_row(account)
            user.verified_credential = credential
            return user
    return await change_password(username, password=password, new_password=new_password)


async def set_password(user_id: UUID | str, *, password: SecretStr | str) -> None:
    """Replace the password of a local user, as an admin, and end all their sessions.

    Raises:
        InvalidInputError: The password is not 12 to 1,024 characters long; or as for `sessions.revoke_all`.
        NotFoundError: There is no such user, or they have no password.
        OverloadedError: Too many passwords wait to be hashed already.
    """
    user_id, password = as_uuid(user_id, "user_id"), as_new_password(password, "password")
    with hashing_slot():
        hashed = await hash_password(password)
    async with transaction():
        await revoke_all(user_id)  # locks the user
        credential = await LocalCredential.get_or_none(user_id=user_id)
        if credential is None:
            raise NotFoundError(f"the user {user_id} has no password")
        credential.password_hash = hashed
        await credential.save(update_fields=["password_hash"])


async def _create(username: str, password_hash: str, *, role: UserRole, must_change_password: bool) -> User:
    user = await User.create(plex_id=f"local:{username}", plex_username=username, role=role)
    await LocalCredential.create(
        user=user, username=username, password_hash=password_hash, must_change_password=must_change_password
    )
    return await User.get(id=user.id)


async def _verified(username: str, password: SecretStr) -> LocalCredential:
    """Find the credential of a name, or raise `AuthenticationError`: there is none, or the password is not its."""
    try:
        credential = await LocalCredential.get_or_none(username=username)
    except InvalidInputError:  # the name can't be stored, so nobody has it
        credential = None
    stored = None if credential is None else credential.password_hash
    if not await verify_password(stored, password) or credential is None:
        raise AuthenticationError
    return credential


async def _lock(credential: LocalCredential) -> Record | None:
    """Lock an active user and their credential; return None if the stored hash is no longer the verified one."""
    account = await fetch_one(_LOCK, credential.id, stored_value(credential, "password_hash"))
    if account is not None and account["status"] != UserStatus.ACTIVE:
        raise AccountSuspendedError
    return account
