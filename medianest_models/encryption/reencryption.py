"""Re-encryption of all stored secrets with the newest key, while workers read and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Record
from pydantic import SecretStr

from medianest_models.db.statements import fetch, in_steps
from medianest_models.encryption.documents import leaves
from medianest_models.encryption.encrypted_rows import (
    BATCH_SIZE,
    batches,
    encrypted_fields,
    read_value,
    statement_for,
)
from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import envelope_key_id, key_ring
from medianest_models.encryption.stored_secrets import SecretParameter, StoredSecret
from medianest_models.errors import ConstraintError, DecryptionError, InvalidInputError, UnreadableValueError
from medianest_models.fields.json import map_leaves
from medianest_models.fields.naming import column_name

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
    for field in encrypted_fields():
        counts: Counter[str | None] = Counter()
        async for rows in batches(field, BATCH_SIZE):
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
        for field in encrypted_fields():
            async for rows in batches(field, batch_size):
                outdated = [row for row in rows if _key_ids(field, row) - {newest}]
                if outdated:
                    await _rotate(field, outdated, done, failed)
                    progress(len(outdated))
    return RotationReport(done["rotated"], done["skipped"], failed)


async def _rotate(
    field: SecretField[Any], outdated: list[Record], done: Counter[str], failed: dict[str, list[str]]
) -> None:
    """Re-encrypt rows of a column; count them in `done`, and name in `failed` those that stay as they are."""
    pk = field.model._meta.db_pk_column
    fresh: list[tuple[Any, SecretParameter, SecretParameter]] = []
    for row in outdated:
        try:
            fresh.append((row[pk], SecretParameter(row[field.model_field_name]), _encrypt_anew(field, row)))
        except (DecryptionError, InvalidInputError, UnreadableValueError):
            failed.setdefault(column_name(field), []).append(str(row[pk]))
    try:
        done.update(await _replace(field, fresh))
    except ConstraintError:  # one of them makes all fail: try each by itself
        for one in fresh:
            try:
                done.update(await _replace(field, [one]))
            except ConstraintError:
                failed.setdefault(column_name(field), []).append(str(one[0]))


async def _replace(
    field: SecretField[Any], fresh: list[tuple[Any, SecretParameter, SecretParameter]]
) -> dict[str, int]:
    """Write rows' new envelopes, each where the old one still stands; count these and the others."""
    changed = await fetch(statement_for(field, _REPLACE), *map(list, zip(*fresh, strict=True))) if fresh else []
    return {"rotated": len(changed), "skipped": len(fresh) - len(changed)}


def _key_ids(field: SecretField[Any], row: Record) -> set[str | None]:
    """Find the keys of what a row holds; None for what is not encrypted, or can't be read."""
    try:
        secrets = [leaf for leaf, _ in leaves(read_value(field, row)[0]) if isinstance(leaf, SecretStr)]
    except UnreadableValueError:
        return {None}
    return {envelope_key_id(leaf.envelope) if isinstance(leaf, StoredSecret) else None for leaf in secrets}


def _encrypt_anew(field: SecretField[Any], row: Record) -> SecretParameter:
    """Encrypt what a row holds under the newest key."""
    value, instance = read_value(field, row)
    plain = map_leaves(value, lambda leaf: SecretStr(leaf.get_secret_value()) if isinstance(leaf, SecretStr) else leaf)
    return SecretParameter(field.to_stored(plain, instance))
