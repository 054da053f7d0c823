"""The recipe of the cluster, as a reader starts it."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg

from examples.cluster.processes import processes_in
from tests.conftest import CHECKOUT


async def test_a_cluster_runs_until_its_script_ends_even_if_it_is_killed() -> None:
    script = await asyncio.create_subprocess_exec(sys.executable, "-m", "examples.cluster", cwd=CHECKOUT, stdout=PIPE)
    try:
        assert script.stdout is not None
        said = (await script.stdout.readuntil(b"Ctrl-C")).decode()
        primary, standbys = re.findall(r"via HAProxy: +(\S+)", said)
        assert await _is_standby(primary) is False
        assert await _is_standby(standbys) is True
        folder = Path(re.findall(r"in (\S+);", said)[0])
        assert len(processes_in(folder)) > 10
    finally:
        script.kill()
        await script.wait()
    while processes_in(folder) or folder.exists():  # noqa: ASYNC110, ASYNC240 - the kernel sends no event
        await asyncio.sleep(0.1)


async def _is_standby(url: str) -> bool:
    connection = await asyncpg.connect(url)
    standby: bool = await connection.fetchval("SELECT pg_is_in_recovery()")
    await connection.close()
    return standby
