"""Re-encryption of all stored secrets with the newest key, while workers read and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Record
from pydantic import SecretStr
from tortoise import Tortoise
from tortoise.models import Model

from medianest_models.db.statements import fetch, in_steps
from medianest_models.encryption.documents import leaves
from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import envelope_key_id, key_ring
from medianest_models.encryption.stored_secrets import SecretParameter, StoredSecret
from medianest_models.errors import ConstraintError, DecryptionError, InvalidInputError, UnreadableValueError
from medianest_models.fields.json import map_leaves
from medianest_models.fields.naming import column_name
from medianest_models.settings import APP

BATCH_SIZE: Final = 200
"""The number of rows that a statement reads or re-encrypts."""

# Raw, like the next one: it reads the stored form, and the natural key that a secret is bound to.
_ROWS: Final = """
SELECT "{pk}", "{bound_to}", "{column}" FROM "{table}"
WHERE "{column}" IS NOT NULL AND ($1::{pk_type} IS NULL OR "{pk}" > $1)
ORDER BY "{pk}" LIMIT $2
"""

# A row that was written since it was read does not match, and stays unchanged.
_REPLACE: Final = """
UPDATE "{table}" AS t SET "{column}" = fresh.encrypted::{type}
FROM unnest($1::{pk_type}[], $2::text[], $3::text[]) AS fresh (id, old, encrypted)
WHERE t."{pk}" = fresh.id AND t."{column}" = fresh.old::{type}
RETURNING t."{pk}"
"""


@dataclass(frozen=True)
class KeyUse:
    """The number of rows of a column (`table.column`) with something that was encrypted with a key.

    There is no key of what should be encrypted, and is not, or can't be read. The newest key is the one that encrypts.
    """

    column: str
    key_id: str | None
    rows: int
    is_newest: bool


@dataclass(frozen=True)
class RotationReport:
    """The outcome of a rotation.

    Attributes:
        rotated: The number of re-encrypted rows.
        skipped: The number of rows that were left unchanged because another client wrote them at the same time.
        failed: For each column with rows that can't be decrypted, or that the database refuses, their ids.
    """

    rotated: int
    skipped: int
    failed: dict[str, list[str]]


async def key_uses() -> list[KeyUse]:
    """Count the rows under each key."""
    newest = key_ring().newest_id
    uses = []
    for field in _encrypted_fields():
        counts: Counter[str | None] = Counter()
        async for rows in _batches(field, BATCH_SIZE):
            for row in rows:
                counts.update(_key_ids(field, row))
        uses += [KeyUse(column_name(field), key_id, count, key_id == newest) for key_id, count in counts.items()]
    return uses


async def rotate_secrets(
    *, batch_size: int = BATCH_SIZE, progress: Callable[[int], object] = lambda _: None
) -> RotationReport:
    """Re-encrypt every value that is not encrypted with the newest key.

    Each batch is one statement, so the rotation can be interrupted at any time and run again. It never overwrites a
    value that a worker writes meanwhile. Rows that can't be decrypted, or that violate a constraint, stay unchanged and
    are reported.

    Args:
        batch_size: How many rows one statement re-encrypts, from 1 on.
        progress: Called after each batch with the number of its rows that did not have the newest key.
    """
    if batch_size < 1:
        raise InvalidInputError("batch_size: must be 1 or more")
    newest = key_ring().newest_id
    done: Counter[str] = Counter()
    failed: dict[str, list[str]] = {}
    with in_steps():
        for field in _encrypted_fields():
            pk = field.model._meta.db_pk_column
            async for rows in _batches(field, batch_size):
                outdated = [row for row in rows if _key_ids(field, row) - {newest}]
                fresh: list[tuple[Any, SecretParameter, SecretParameter]] = []
                for row in outdated:
                    try:
                        fresh.append((row[pk], SecretParameter(row[field.model_field_name]), _encrypt_anew(field, row)))
                    except (DecryptionError, InvalidInputError, UnreadableValueError):
                        failed.setdefault(column_name(field), []).append(str(row[pk]))
                try:
                    done.update(await _replace(field, fresh))
                except ConstraintError:  # one of them stops all: each by itself
                    for one in fresh:
                        try:
                            done.update(await _replace(field, [one]))
                        except ConstraintError:
                            failed.setdefault(column_name(field), []).append(str(one[0]))
                if outdated:
                    progress(len(outdated))
    return RotationReport(done["rotated"], done["skipped"], failed)


async def _replace(
    field: SecretField[Any], fresh: list[tuple[Any, SecretParameter, SecretParameter]]
) -> dict[str, int]:
    """Write rows' new envelopes, each where the old one still stands; count these and the others."""
    changed = await fetch(_sql(field, _REPLACE), *map(list, zip(*fresh, strict=True))) if fresh else []
    return {"rotated": len(changed), "skipped": len(fresh) - len(changed)}


def _encrypted_fields() -> Iterator[SecretField[Any]]:
    for model in Tortoise.apps[APP].values():
        for field in model._meta.fields_map.values():
            if isinstance(field, SecretField) and field.bound_to is not None:
                yield field


def _sql(field: SecretField[Any], template: str) -> str:
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


async def _batches(field: SecretField[Any], size: int) -> AsyncIterator[list[Record]]:
    """Iterate over the rows that hold a value, in the order of their ids."""
    last: Any = None
    while rows := await fetch(_sql(field, _ROWS), last, size):
        yield rows
        last = rows[-1][field.model._meta.db_pk_column]


def _read(field: SecretField[Any], row: Record) -> tuple[Any, Model]:
    """Read the value of a row, and the instance that it is in."""
    instance = field.model._init_from_db(**row)
    return getattr(instance, field.model_field_name), instance


def _key_ids(field: SecretField[Any], row: Record) -> set[str | None]:
    """Find the keys of what a row holds; None for what is not encrypted, or can't be read."""
    try:
        secrets = [leaf for leaf, _ in leaves(_read(field, row)[0]) if isinstance(leaf, SecretStr)]
    except UnreadableValueError:
        return {None}
    return {envelope_key_id(leaf.envelope) if isinstance(leaf, StoredSecret) else None for leaf in secrets}


def _encrypt_anew(field: SecretField[Any], row: Record) -> SecretParameter:
    """Encrypt what a row holds under the newest key."""
    value, instance = _read(field, row)
    plain = map_leaves(value, lambda leaf: SecretStr(leaf.get_secret_value()) if isinstance(leaf, SecretStr) else leaf)
    return SecretParameter(field.to_stored(plain, instance))
