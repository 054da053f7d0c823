"""PgBouncer in transaction mode, in front of the server that the tests run against."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg

from medianest_models.settings import DatabaseUrl

_PORT: Final = 6432  # of a socket in a separate folder
_CONFIG: Final = """
[databases]
* = host={host} port={port} user={user} {password}
[pgbouncer]
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 1000
auth_type = any
unix_socket_dir = {folder}
listen_port = {pooler_port}
logfile = {log}
pidfile = {folder}/pgbouncer.pid
"""


@asynccontextmanager
async def running_pooler(program: str, direct: DatabaseUrl, *, size: int = 20) -> AsyncIterator[DatabaseUrl]:
    """Run a PgBouncer, and return its URL.

    Args:
        program: PgBouncer itself.
        direct: The direct URL of any database of the server.
        size: The number of server connections per database.
    """
    folder = Path(tempfile.mkdtemp(prefix="medianest-pooler-"))
    config, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
    password = f"password='{direct.password.get_secret_value()}'" if direct.password else ""
    config.write_text(
        _CONFIG.format(
            host=direct.host,
            port=direct.port,
            user=direct.user,
            password=password,
            size=size,
            folder=folder,
            log=log,
            pooler_port=_PORT,
        )
    )
    become: dict[str, Any] = {}
    if os.getuid() == 0:  # PgBouncer refuses to run as root; the owner of the socket's folder may enter it
        uid = _owner(Path(direct.host)) or pwd.getpwnam("nobody").pw_uid
        become = {"user": uid, "group": uid, "extra_groups": ()}
        for path in (folder, config):
            os.chown(path, uid, uid)
    process = await asyncio.create_subprocess_exec(
        program, "-q", str(config), stderr=asyncio.subprocess.DEVNULL, **become
    )
    url = replace(direct, host=str(folder), port=_PORT, password=None, pgbouncer=True)
    try:
        assert await _answers(url), f"PgBouncer does not answer:\n{log.read_text() if log.exists() else ''}"
        yield url
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(folder)


def _owner(folder: Path) -> int:
    """Return the user id of a folder's owner; 0 if there is no folder."""
    return folder.stat().st_uid if folder.is_dir() else 0


async def _answers(url: DatabaseUrl) -> bool:
    """Return whether a client can connect through it within some seconds."""
    for _ in range(100):
        try:
            connection = await asyncpg.connect(
                **replace(url, database="postgres").connect_arguments(), statement_cache_size=0
            )
        except OSError:
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return True
    return False
