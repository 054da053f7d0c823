"""Rows for the tests of the models."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from medianest_models.db.statements import execute, fetch
from medianest_models.models import Service, User


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
