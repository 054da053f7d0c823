"""`medianest db upgrade`: the embedded server's data, from PostgreSQL 16 to 18 with the programs of the wheel."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from medianest_models.backups import upgrade_embedded
from medianest_models.embedded import EmbeddedServer
from medianest_models.embedded.programs import wheel_bindirs
from medianest_models.errors import BackupError, ConfigurationError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift
from tests.backups.conftest import USERS, fill, names_in, rows_of
from tests.commands import medianest
from tests.servers import connection_to

OLD: Final = 16
NEW: Final = 18
LAST: Final = 5
"""The number of the last renaming, that of the new data folder to its place."""

# Ends this process without any clean-up at a given point: at the Nth sentence of progress, or before the Nth renaming.
# The first two are those of the new data folder and of the backup.
KILLED: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from medianest_models.backups import upgrade_embedded
from medianest_models.embedded import EmbeddedServer

_, home, bindir, what, number = sys.argv
left = int(number)

def count(kind):
    global left
    left -= kind == what
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

rename = Path.rename

def counted(self, target):
    count("renaming")
    return rename(self, target)

Path.rename = counted
server = EmbeddedServer(Path(home), Path(bindir))
asyncio.run(upgrade_embedded(server, progress=lambda _: count("sentence")))
"""


def old_one(home: EmbeddedServer) -> EmbeddedServer:
    """Return the same home with the programs of PostgreSQL 16."""
    return EmbeddedServer(home.home, wheel_bindirs()[1])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for the home that each test gets a copy of; the first test makes it."""
    return tmp_path_factory.mktemp("made") / "home"


@pytest.fixture
async def home(
    not_connected: None, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EmbeddedServer]:
    """Make a home with data of PostgreSQL 16, which hold a portal, and programs of 18. No server runs."""
    monkeypatch.delenv("DATABASE_URL")
    if not names_in(made.parent):
        original = EmbeddedServer(made, wheel_bindirs()[1])
        url = await asyncio.to_thread(original.start)
        await migrate(url)
        await fill(url)
        await asyncio.to_thread(original.stop)
    home = EmbeddedServer(tmp_path / "home", wheel_bindirs()[0])
    await asyncio.to_thread(run, "cp", "-a", str(made), str(home.home))
    monkeypatch.setenv("MEDIANEST_HOME", str(home.home))
    yield home
    await asyncio.to_thread(home.stop)


@pytest.fixture(autouse=True)
def bindir() -> None:
    """Use no server but those of the wheel."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def kill(home: EmbeddedServer, what: str, number: int) -> subprocess.CompletedProcess[str]:
    """Upgrade in a process that is killed."""
    return run(sys.executable, "-c", KILLED, str(home.home), str(home.bindir), what, str(number))


async def rows_with(home: EmbeddedServer) -> dict[str, list[str]]:
    """Start a server, and return all of its rows."""
    return await rows_of(await asyncio.to_thread(home.start))


async def test_from_one_version_to_the_next(home: EmbeddedServer) -> None:
    before = await rows_with(old_one(home))
    assert len(before["public.users"]) == USERS + 2
    with pytest.raises(ConfigurationError, match=r"made by PostgreSQL 16, but .* is PostgreSQL 18: run `medianest db"):
        home.start()
    status, output, errors = medianest("db", "upgrade")
    kept = home.home / f"pgdata.{OLD}"
    assert (status, output) == (0, f"The data are those of PostgreSQL {NEW} now. The old ones are in {kept}.\n")
    assert errors.splitlines()[0].startswith("Saving ")
    assert names_in(home.home) == ["pgdata", kept.name, "postgres.log", "server.lock"]
    assert await rows_with(home) == before
    assert (home.status().version, (kept / "PG_VERSION").read_text()) == (str(NEW), f"{OLD}\n")
    assert (await check_drift(home.url)).differences == ()
    status, output, errors = medianest("db", "upgrade", "--json")
    assert (status, errors) == (2, "")
    assert "there is nothing to upgrade" in json.loads(output)["error"]
    home.stop()
    home.data.rename(home.home / "pgdata.18")
    kept.rename(home.data)
    assert await rows_with(old_one(home)) == before


async def test_nobody_writes_meanwhile(home: EmbeddedServer) -> None:
    url = await asyncio.to_thread(old_one(home).start)
    locked: list[str] = []

    def try_to_lock(sentence: str) -> None:
        file = os.open(home.home / "server.lock", os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            locked.append(sentence)
        finally:
            os.close(file)

    async with connection_to(url) as someone:
        await upgrade_embedded(home, progress=try_to_lock)
        assert someone.is_closed()
    assert len(locked) == 2


@pytest.mark.parametrize(
    ("what", "number"), [("sentence", 1), ("sentence", 2), ("renaming", 3), ("renaming", 4), ("renaming", LAST)]
)
async def test_a_process_that_is_killed_loses_nothing(home: EmbeddedServer, what: str, number: int) -> None:
    before = await rows_with(old_one(home))
    ended = await asyncio.to_thread(kill, home, what, number)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    if what == "renaming" and number == LAST:
        with pytest.raises(ConfigurationError, match="there is nothing to upgrade"):
            await upgrade_embedded(home)
    else:
        assert await rows_with(old_one(home)) == before
        assert "pgdata.upgraded" not in names_in(home.home)  # it would come back when pgdata is moved away
        await upgrade_embedded(home)
    assert await rows_with(home) == before
    home.stop()
    assert names_in(home.home) == ["pgdata", f"pgdata.{OLD}", "postgres.log", "server.lock"]
    home.data.rename(home.home / "away")
    (home.home / f"pgdata.{OLD}").rename(home.data)
    assert await rows_with(old_one(home)) == before


async def test_starting_ends_an_upgrade_that_was_killed(home: EmbeddedServer) -> None:
    before = await rows_with(old_one(home))
    ended = await asyncio.to_thread(kill, home, "renaming", LAST)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert "pgdata" not in names_in(home.home)
    assert await rows_with(home) == before


async def test_what_would_be_left_behind(home: EmbeddedServer) -> None:
    url = await asyncio.to_thread(old_one(home).start)
    async with connection_to(url) as connection:
        await connection.execute("CREATE DATABASE theirs")
        await connection.execute('CREATE ROLE "Them"')
    with pytest.raises(BackupError, match=r'also has the database theirs, the role "Them", which the upgrade would'):
        await upgrade_embedded(home)
    assert names_in(home.home) == ["pgdata", "postgres.log", "server.lock"]
    assert home.status().version == str(OLD)


async def test_an_old_folder_in_the_way(home: EmbeddedServer) -> None:
    (home.home / f"pgdata.{OLD}").mkdir()
    with pytest.raises(ConfigurationError, match=r"pgdata\.16 exists, where the old data folder is to be kept"):
        await upgrade_embedded(home)
    assert home.status().version == str(OLD)


async def test_what_can_t_be_restored(home: EmbeddedServer) -> None:
    url = await asyncio.to_thread(old_one(home).start)
    async with connection_to(url) as connection:
        await connection.execute(
            "CREATE FUNCTION picky(text) RETURNS bool LANGUAGE plpgsql AS "
            "$$BEGIN IF version() LIKE 'PostgreSQL 18%' THEN RAISE 'no'; END IF; RETURN TRUE; END$$;"
            "CREATE TABLE notes (note text CHECK (public.picky(note))); INSERT INTO notes VALUES ('precious')"
        )
    before = await rows_of(url)
    with pytest.raises(BackupError, match=r'^pg_restore failed: COPY failed for table "notes"$'):
        await upgrade_embedded(home)
    assert names_in(home.home) == ["pgdata", "postgres.log", "server.lock"]
    assert await rows_with(old_one(home)) == before


async def test_nothing_to_upgrade(home: EmbeddedServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is nothing to upgrade"):
        await upgrade_embedded(old_one(home))
    with pytest.raises(ConfigurationError, match="there is no data folder"):
        await upgrade_embedded(EmbeddedServer(tmp_path / "other", home.bindir))
    status, _, errors = medianest("db", "upgrade", DATABASE_URL="postgresql://u@127.0.0.1:1/d")
    assert (status, "DATABASE_URL: is set" in errors) == (2, True)
