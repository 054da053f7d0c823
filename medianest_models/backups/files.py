"""The file of a backup: an archive in pg_dump's custom format, followed by a manifest of its contents.

pg_restore reads only the archive, so a backup can be restored without this package. The manifest can't be separated
from its archive, and a truncated file is recognised by its missing end.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from medianest_models.db.requirements import migration_versions
from medianest_models.errors import BackupError, MigrationError, replace_errors

_END: Final = "\n%010d bytes before this line: medianest backup 1\n"
_END_BYTES: Final = len(_END % 0)
_MOST_BYTES: Final = 10**7


@dataclass(frozen=True)
class Manifest:
    """The description of an archive, stored after it.

    Attributes:
        taken_at: The instant of the snapshot that the archive was made from.
        package: The version of this package.
        server: The server's major version.
        schema: The schema of this package's tables.
        migrations: Those that were applied, in their order.
        rows: The number of rows of each table in the database, by its quoted name with the schema.
    """

    taken_at: datetime
    package: str
    server: int
    schema: str
    migrations: tuple[str, ...]
    rows: dict[str, int]


_MANIFEST: Final = TypeAdapter(Manifest)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Provide a new file beside `path` that only its owner can read; rename it to `path`, or delete it after an error.

    Raises:
        BackupError: There is a file of that name, or the file can't be created or written.
    """
    with _written(path):
        if os.path.lexists(path):
            raise _exists(path)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            yield file
            with _written(path):
                os.fsync(descriptor)
        with _written(path):
            with replace_errors(FileExistsError, lambda _: _exists(path)):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # nobody's file is replaced
            partial.rename(path)
            _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def append_manifest(file: IO[bytes], manifest: Manifest) -> None:
    """Write the manifest after the archive."""
    text = _MANIFEST.dump_json(manifest)
    left = text + (_END % len(text)).encode()
    with _written("the backup"):
        file.seek(0, os.SEEK_END)
        while left:  # where the disk becomes full, what still fits is written, without an error
            left = left[file.write(left) :]


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        BackupError: The file is not a complete backup, or can't be read.
        MigrationError: The backup has migrations that this version of the package does not have.
    """
    problem = BackupError(
        f"{path} is not a whole backup of `medianest db backup`: its end is missing, so that it was cut off, "
        "or another program made it"
    )
    with (
        replace_errors(OSError, lambda error: BackupError(f"{path} can't be read: {error.strerror or error}")),
        path.open("rb") as file,
    ):
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        match = re.fullmatch(re.escape(_END).replace("%010d", r"(\d{10})").encode(), file.read())
        length = int(match[1]) if match else 0
        if not 0 < length < min(size - _END_BYTES, _MOST_BYTES):
            raise problem
        file.seek(size - _END_BYTES - length)
        with replace_errors(ValidationError, lambda _: problem):
            manifest = _MANIFEST.validate_json(file.read(length))
    unknown = [version for version in manifest.migrations if version not in migration_versions()]
    if unknown:
        raise MigrationError(
            f"{path} is of another version of this package, {manifest.package}, with the migrations "
            f"{', '.join(unknown)}: use that version or a newer one"
        )
    return manifest


def _written(what: Path | str) -> replace_errors[OSError]:
    return replace_errors(OSError, lambda error: BackupError(f"{what} can't be written: {error.strerror or error}"))


def _exists(path: Path) -> BackupError:
    return BackupError(f"{path} exists: a backup never replaces a file")


def _sync(folder: Path) -> None:
    """Sync a folder, so that a new name in it survives a crash, if the file system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
