"""Where one embedded server lives, and who runs it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from medianest_models.embedded.account import Account

_SOCKETS: Final = Path("/tmp")  # noqa: S108 - the folder's owner and mode are checked before every use
"""A socket's path must not be longer than 107 bytes, so it can't stand in a home of any length. This paths is short,
on every Unix, and the same for every process: $TMPDIR and $XDG_RUNTIME_DIR differ between a login, `sudo` and a
service, and the latter is deleted at logout while the server runs on."""


@dataclass(frozen=True)
class ServerPaths:
    """The folders of a server, and the user who runs it.

    Attributes:
        home: An absolute path.
        data: PostgreSQL's data folder.
        log: The file that the server writes to.
        account: The user.
    """

    home: Path
    data: Path
    log: Path
    account: Account

    @property
    def lock(self) -> Path:
        """The file that is locked while a process starts or stops the server."""
        return self.home / "server.lock"

    @property
    def socket_folder(self) -> Path:
        """The private folder where the server listens; every process finds the same one."""
        digest = hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:16]
        return _SOCKETS / f"medianest-{self.account.uid}-{digest}"
