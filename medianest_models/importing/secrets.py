"""Secrets of users and services: decrypted with the source's key, encrypted with ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from asyncpg import Connection
from pydantic import SecretStr

from medianest_models.encryption.documents import leaves
from medianest_models.errors import DecryptionError, ImportCheckError, UnreadableValueError
from medianest_models.fields.json import load_json
from medianest_models.importing.old_secrets import OldSecrets, encrypted_texts
from medianest_models.importing.rows import Row, read_document
from medianest_models.importing.source import Source
from medianest_models.models import Service, User
from medianest_models.models.base import Base

_MODELS: Final[dict[str, type[Base]]] = {"users": User, "services": Service}
_COLUMNS: Final = {"users": ("plex_token",), "services": ("api_key", "config_data")}
_KNOWN: Final = """
SELECT source_id, source_digest FROM imported_rows WHERE table_name = $1 AND source_id = ANY ($2::text[])
"""
_WRITTEN: Final = """
SELECT s.source_id, t.* FROM import_{name} AS s JOIN {name} AS t ON t.id = s.id
WHERE s.fate IN ('new', 'updated') AND s.keeps_secrets IS NOT TRUE
"""


async def check_key(source: Source, old_secrets: OldSecrets) -> None:
    """Try the key on the first encrypted values of the source.

    Raises:
        ConfigurationError: There is no key, or it is the wrong one.
    """
    for table, columns in _COLUMNS.items():
        if table not in source.entities:
            continue
        async for records in source.batches(table):
            texts = (record[column] for record in records for column in columns)
            sample = [found for text in texts if text for found in encrypted_texts(_parsed(text))]
            if sample:
                await old_secrets.check_key(sample)
                return


async def start_renewing(
    connection: Connection[Any], table: str, rows: Sequence[Row], old_secrets: OldSecrets
) -> asyncio.Future[list[None]]:
    """Begin to replace the source's encrypted values by our envelopes, and return what ends when all are replaced.

    A row that was imported before and has not changed is not written again, so it is not decrypted.
    """
    known = dict(await connection.fetch(_KNOWN, table, [row.source_id for row in rows]))
    return asyncio.gather(
        *(
            _renew(row, table, old_secrets, is_known=known.get(row.source_id) == row.values["digest"])
            for row in rows
            if row.fate is None
        )
    )


async def check_secrets(connection: Connection[Any]) -> None:
    """Decrypt every value that was written; one that stayed as it was here was not.

    Raises:
        ImportCheckError: A value can't be decrypted.
    """
    for table, columns in _COLUMNS.items():
        for record in await connection.fetch(_WRITTEN.format(name=table)):
            row = dict(record)
            source_id = row.pop("source_id")
            instance = _MODELS[table].from_row(row)
            for column in columns:
                try:
                    for leaf, _ in leaves(getattr(instance, column)):
                        if isinstance(leaf, SecretStr):
                            leaf.get_secret_value()
                except (DecryptionError, UnreadableValueError):
                    raise ImportCheckError(f"{table}: {column} of id {source_id} can't be decrypted") from None


async def _renew(row: Row, table: str, old_secrets: OldSecrets, *, is_known: bool) -> None:
    model, values = _MODELS[table], row.values
    failed: list[str] = []
    plain: dict[str, Any] = {}
    for column in _COLUMNS[table]:
        stored = None if is_known else values[column] or None
        if column != "config_data":
            plain[column] = (await old_secrets.decrypt_document(stored, failed, path=column, is_secret=True)) or None
            continue
        try:
            document = read_document(stored, column) if stored else None
            plain[column] = await old_secrets.decrypt_document(document, failed, path=column)
        except ValueError:
            row.notes.append(f"{column}: is nested too deep, left empty")
            plain[column] = None
    if failed:
        row.problem = f"can't be decrypted with SOURCE_ENCRYPTION_KEY, left empty: {', '.join(failed)}"
    keys = {column: values[column] for column in ("plex_id", "name") if column in model._meta.fields_map}
    instance = model(**keys, **plain)
    for column in plain:
        values[column] = model._meta.fields_map[column].to_db_value(vars(instance)[column], instance)


def _parsed(text: str | None) -> Any:
    """Read a JSON document; any other text is itself."""
    try:
        return load_json(text or "null")
    except ValueError:
        return text
