"""The embedded server when its folders are copied, moved, replaced or deleted."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from medianest_models.embedded import EmbeddedServer
from tests.db.crashes import SOCKET, execute, has_ended, insert, numbers, wait_until

NewServer = Callable[..., EmbeddedServer]


async def copy(source: Path, target: Path) -> None:
    process = await asyncio.create_subprocess_exec("cp", "-a", source, target)
    assert await process.wait() == 0


async def test_a_copied_home_gets_a_server_of_its_own(new_server: NewServer) -> None:
    server, other = new_server("one"), new_server("copy", blank=True)
    url = server.start()
    await insert(url, 1)
    await copy(server.home, other.home)  # its postmaster.pid names the original's server
    assert other.status().pid is None
    assert other.stop() is False
    copy_url = other.start()
    assert copy_url != url
    await insert(copy_url, 2)
    assert await numbers(copy_url) == [1, 2]
    assert await numbers(url) == [1]


async def test_a_moved_home_keeps_its_server(new_server: NewServer) -> None:
    server, moved = new_server("one"), new_server("moved", blank=True)
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    server.home.rename(moved.home)
    assert moved.start() == url
    assert moved.status().pid == pid
    assert moved.stop() is True
    assert await numbers(moved.start()) == [1]


async def test_a_replaced_data_folder_is_served_by_a_new_server(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    server.stop()
    backup = server.home.with_name("backup")
    await copy(server.data, backup)
    server.start()
    pid = server.status().pid
    await insert(url, 2)
    await execute(url, "CHECKPOINT")  # after it the server's control file would ruin the backup
    shutil.copy2(server.data / "postmaster.pid", backup)  # the worst case: the backup names the very process
    shutil.rmtree(server.data)
    backup.rename(server.data)
    assert server.start() == url
    assert server.status().pid != pid
    assert await numbers(url) == [1]
    server.stop()
    server.start()
    assert await numbers(url) == [1]


async def test_a_deleted_pid_file_is_no_way_to_a_second_server(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    assert pid is not None
    (server.data / "postmaster.pid").unlink()
    assert server.start() == url
    wait_until(lambda: has_ended(pid))
    assert await numbers(url) == [1]


@pytest.mark.parametrize("deleted", ["socket", "folder"])
async def test_a_server_whose_socket_was_deleted_is_started_anew(new_server: NewServer, deleted: str) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    if deleted == "folder":
        shutil.rmtree(url.host)
    else:
        (Path(url.host) / SOCKET).unlink()
    assert server.start() == url
    assert server.status().pid != pid
    assert await numbers(url) == [1]


async def test_a_home_deleted_under_its_server_is_made_anew(new_server: NewServer) -> None:
    server = new_server()
    await insert(server.start(), 1)
    shutil.rmtree(server.home)
    url = server.start()
    with pytest.raises(asyncpg.UndefinedTableError):
        await numbers(url)
    assert server.stop() is True


def test_a_server_whose_home_was_deleted_can_be_stopped(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    pid = server.status().pid
    assert pid is not None
    shutil.rmtree(server.home)
    assert server.stop() is True
    wait_until(lambda: has_ended(pid))
    assert not Path(url.host).exists()
    assert not server.home.exists()
    assert server.stop() is False
