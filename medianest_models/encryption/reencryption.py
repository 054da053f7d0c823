"""Moving all stored secrets under the newest encryption key, while workers read and write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import SecretStr
from tortoise import Tortoise

from medianest_models.db.statements import fetch
from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import SecretParameter, StoredSecret, key_ring
from medianest_models.errors import DecryptionError, InvalidInputError
from medianest_models.settings import APP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncpg import Record
    from tortoise.models import Model


BATCH_SIZE: Final = 200
"""How many rows one statement re-encrypts."""

# Raw, as the others here: they take a column by its name, and find envelopes inside of a text or a document.
_KEY_IDS: Final = """
SELECT key_id, count(*) AS rows FROM (
    SELECT DISTINCT t."{pk}", found[1] AS key_id
    FROM "{table}" AS t, regexp_matches(t."{column}"::text, 'v1\\.([0-9a-f]{{16}})\\.', 'g') AS found
) AS envelopes
GROUP BY key_id ORDER BY key_id
"""

_OUTDATED: Final = """
SELECT "{pk}", "{bound_to}", "{column}"
FROM "{table}"
WHERE ($1::{pk_type} IS NULL OR "{pk}" > $1)
  AND "{column}"::text ~ ('v1\\.(?!' || $2 || ')[0-9a-f]{{16}}\\.')
ORDER BY "{pk}" LIMIT $3
"""

# A row that somebody has written meanwhile is not the one that was read: it stays as they left it.
_REPLACE: Final = """
UPDATE "{table}" AS t SET "{column}" = fresh.sealed::{type}
FROM unnest($1::{pk_type}[], $2::text[], $3::text[]) AS fresh (id, old, sealed)
WHERE t."{pk}" = fresh.id AND t."{column}" = fresh.old::{type}
RETURNING t."{pk}"
"""


@dataclass(frozen=True)
class KeyUse:
    """How many rows of a column hold something that was encrypted with a key."""

    column: str
    key_id: str
    rows: int
    is_newest: bool


@dataclass(frozen=True)
class RotationReport:
    """What a rotation did.

    Attributes:
        rotated: How many rows were re-encrypted.
        skipped: How many were written by somebody else at the same moment, and left as they are.
        failed: For each column with rows that can't be decrypted, their ids.
    """

    rotated: int
    skipped: int
    failed: dict[str, list[str]]


async def key_uses() -> list[KeyUse]:
    """Which keys the stored secrets are under.

    Raises:
        ConfigurationError: There are no encryption keys.
    """
    newest = key_ring().newest_id
    return [
        KeyUse(column.name, row["key_id"], row["rows"], row["key_id"] == newest)
        for column in _columns()
        for row in await fetch(column.sql(_KEY_IDS))
    ]


async def rotate_secrets(
    *, batch_size: int = BATCH_SIZE, progress: Callable[[int], object] = lambda _: None
) -> RotationReport:
    """Re-encrypts everything that is not under the newest key, and leaves alone what is.

    Each batch is a statement of its own: it can be interrupted at any time, and run again. A value that a worker
    writes meanwhile is never overwritten. Rows that can't be decrypted are left and reported.

    Args:
        batch_size: How many rows one statement re-encrypts.
        progress: Called after each batch with the number of its rows.

    Raises:
        ConfigurationError: There are no encryption keys, or one is unusable.
        InvalidInputError: `batch_size` is not from 1 on.
    """
    if batch_size < 1:
        raise InvalidInputError("batch_size: must be 1 or more")
    done: Counter[str] = Counter()
    failed: dict[str, list[str]] = {}
    for column in _columns():
        last: Any = None
        while rows := await fetch(column.sql(_OUTDATED), last, key_ring().newest_id, batch_size):
            last = rows[-1][column.pk]
            ids, olds, sealed = [], [], []
            for row in rows:
                try:
                    sealed.append(column.resealed(row))
                except DecryptionError:
                    failed.setdefault(column.name, []).append(str(row[column.pk]))
                else:
                    ids.append(row[column.pk])
                    olds.append(SecretParameter(row[column.column]))
            changed = await fetch(column.sql(_REPLACE), ids, olds, sealed)
            done.update(rotated=len(changed), skipped=len(ids) - len(changed))
            progress(len(rows))
    return RotationReport(done["rotated"], done["skipped"], failed)


@dataclass(frozen=True)
class _Column:
    """A column that holds encrypted values."""

    model: type[Model]
    field_name: str

    def find_field(self) -> SecretField:
        """A method: type checkers take a field that is an attribute for a descriptor of this class."""
        return cast("SecretField", self.model._meta.fields_map[self.field_name])

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def column(self) -> str:
        return self.field_name

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def pk(self) -> str:
        return self.model._meta.db_pk_column

    def sql(self, template: str) -> str:
        """A statement for this column."""
        return template.format(
            table=self.table,
            column=self.column,
            pk=self.pk,
            pk_type=self.model._meta.pk.get_db_field_type(),
            bound_to=self.find_field().bound_to,
            type=self.find_field().SQL_TYPE,
        )

    def resealed(self, row: Record) -> SecretParameter:
        """What the row's column holds, under the newest key."""
        instance = self.model._init_from_db(**row)
        return SecretParameter(self.find_field().seal(_unlocked(getattr(instance, self.column)), instance))


def _columns() -> Iterator[_Column]:
    for model in Tortoise.apps[APP].values():
        for field in model._meta.fields_map.values():
            if isinstance(field, SecretField) and field.bound_to is not None:
                yield _Column(model, field.model_field_name)


def _unlocked(value: Any) -> Any:
    """A secret, or a document with secrets in it, as plaintext: to be encrypted anew."""
    if isinstance(value, dict):
        return {key: _unlocked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unlocked(item) for item in value]
    return SecretStr(value.get_secret_value()) if isinstance(value, StoredSecret) else value
