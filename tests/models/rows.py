"""Rows for the tests of the models."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from pydantic import SecretStr

from medianest_models.db.statements import execute, fetch
from medianest_models.encryption.stored_secrets import hash_token
from medianest_models.models import LocalCredential, MediaRequest, Service, SessionToken, User

_numbers = itertools.count(1)


async def make_user(**values: Any) -> User:
    """Make a user with a unique `plex_id`."""
    return await User.create(**{"plex_id": f"plex-{next(_numbers)}", "plex_username": "Anna", **values})


async def make_service(**values: Any) -> Service:
    """Make a service with a unique name."""
    return await Service.create(**{"name": f"service-{next(_numbers)}", "display_name": "Service", **values})


async def make_session(user: User, raw: str = "token") -> SessionToken:
    """Make a session that lasts for an hour."""
    expires_at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    return await SessionToken.create(user=user, token_hash=hash_token(raw), expires_at=expires_at)


async def make_credential(user: User, **values: Any) -> LocalCredential:
    """Make the credential of a local user."""
    return await LocalCredential.create(**{"user": user, "username": "anna", "password_hash": "hash", **values})


async def make_request(user: User, **values: Any) -> MediaRequest:
    """Make a request for a film."""
    return await MediaRequest.create(**{"user": user, "title": "Metropolis", "media_type": "movie", **values})


def plaintext(secret: SecretStr | None) -> str:
    """Return the plaintext of a secret, which must exist."""
    assert secret is not None
    return secret.get_secret_value()


async def stored(instance: User | Service, column: str) -> Any:
    """Return the stored value of the instance's column."""
    (row,) = await fetch(f"SELECT {column} AS value FROM {instance._meta.db_table} WHERE id = $1", instance.pk)
    return row["value"]


async def store(instance: User | Service, column: str, value: Any) -> None:
    """Write a value to the column by SQL, without the models."""
    table = instance._meta.db_table
    assert await execute(f"UPDATE {table} SET {column} = $1 WHERE id = $2", value, instance.pk) == 1
