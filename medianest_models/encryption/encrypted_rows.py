"""The stored form of encrypted columns, and the check that all secrets decrypt."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Record
from pydantic import SecretStr
from tortoise import Tortoise
from tortoise.models import Model

from medianest_models.db.statements import fetch
from medianest_models.encryption.documents import leaves
from medianest_models.encryption.fields import SecretField
from medianest_models.errors import DecryptionError, UnreadableValueError
from medianest_models.fields.naming import column_name
from medianest_models.settings import APP

BATCH_SIZE: Final = 200
"""The number of rows that a statement reads or re-encrypts."""

# Raw: it reads the stored form, and the natural key that a secret is bound to.
_ROWS: Final = """
SELECT "{pk}", "{bound_to}", "{column}" FROM "{table}"
WHERE "{column}" IS NOT NULL AND ($1::{pk_type} IS NULL OR "{pk}" > $1)
ORDER BY "{pk}" LIMIT $2
"""


@dataclass(frozen=True)
class UnreadableSecrets:
    """The rows of a column (`table.column`) whose secrets do not decrypt, all for the same reason."""

    column: str
    reason: str  # which names the column, too
    rows: int
    first_id: str


@dataclass(frozen=True)
class SecretsReport:
    """The outcome of decrypting every secret.

    Attributes:
        rows: The number of values; a row counts once for each encrypted column that is not NULL.
        unreadable: The values with a secret that does not decrypt, by column and reason.
    """

    rows: int
    unreadable: tuple[UnreadableSecrets, ...]


async def check_secrets() -> SecretsReport:
    """Decrypt every secret with the present keys. Nothing is changed, and no plaintext is kept."""
    total = 0
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for field in encrypted_fields():
        async for rows in batches(field, BATCH_SIZE):
            total += len(rows)
            for row in rows:
                reason = _problem(field, row)
                if reason is not None:
                    found = column_name(field), reason
                    counts[found] += 1
                    first.setdefault(found, str(row[field.model._meta.db_pk_column]))
    unreadable = (UnreadableSecrets(*found, rows, first[found]) for found, rows in counts.items())
    return SecretsReport(total, tuple(unreadable))


def encrypted_fields() -> Iterator[SecretField[Any]]:
    """Iterate over the encrypted columns of all models."""
    for model in Tortoise.apps[APP].values():
        for field in model._meta.fields_map.values():
            if isinstance(field, SecretField) and field.bound_to is not None:
                yield field


async def batches(field: SecretField[Any], size: int) -> AsyncIterator[list[Record]]:
    """Iterate over the rows that hold a value, in the order of their ids."""
    last: Any = None
    while rows := await fetch(statement_for(field, _ROWS), last, size):
        yield rows
        last = rows[-1][field.model._meta.db_pk_column]


def statement_for(field: SecretField[Any], template: str) -> str:
    """Make a statement for a column."""
    meta = field.model._meta
    return template.format(
        table=meta.db_table,
        column=field.model_field_name,
        pk=meta.db_pk_column,
        pk_type=meta.pk.get_db_field_type(),
        bound_to=field.bound_to,
        type=field.SQL_TYPE,
    )


def read_value(field: SecretField[Any], row: Record) -> tuple[Any, Model]:
    """Read the value of a row, and the instance that it is in."""
    instance = field.model._init_from_db(**row)
    return getattr(instance, field.model_field_name), instance


def _problem(field: SecretField[Any], row: Record) -> str | None:
    """Say why a row's secrets do not all decrypt; None if they do."""
    try:
        for leaf, _ in leaves(read_value(field, row)[0]):
            if isinstance(leaf, SecretStr):
                leaf.get_secret_value()
    except UnreadableValueError:  # its message names the row
        return f"{column_name(field)}: what is stored can't be read"
    except DecryptionError as error:
        return str(error)
    return None
