"""The units of docs/deploying.md are accepted by systemd, and call what exists."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from medianest_models.db import database
from medianest_models.db.statements import execute
from medianest_models.enums import ServiceStatus
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import downloads, services, system_config, users
from medianest_models.seed import seed
from medianest_models.settings import Settings
from medianest_models.testing.servers import Server
from tests.conftest import CHECKOUT
from tests.docs.test_names import problem
from tests.servers import connection_to

PAGE: Final = (CHECKOUT / "docs" / "deploying.md").read_text()
UNITS: Final = dict(re.findall(r"`/etc/systemd/system/(\S+)`[^`]*```ini\n(.*?)```", PAGE, re.DOTALL))
HARDENED: Final = ("medianest-web.service", "medianest-worker@1.service", "medianest-maintain.service")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save the units, with the programs of this environment in place of the page's."""
    programs = tmp_path / "bin"
    programs.symlink_to(Path(sys.executable).parent)  # whose path may have a space, where systemd ends the program's
    for name, text in UNITS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("/srv/medianest/.venv/bin", str(programs)))
    return tmp_path


def systemd_analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_systemd_accepts_every_unit(folder: Path) -> None:
    units = [name.replace("@.", "@1.") for name in UNITS if name.endswith(".service")]
    assert len(units) == 4
    ended = systemd_analyze(folder, "verify", "--man=no", *units)
    said = [line for line in ended.stderr.splitlines() if "medianest" in line]
    assert (ended.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", HARDENED)
def test_a_unit_is_hardened(folder: Path, unit: str) -> None:
    ended = systemd_analyze(folder, "security", "--offline=true", "--no-pager", unit)
    (exposure,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", ended.stdout)
    assert float(exposure) < 2, ended.stdout


def test_what_the_units_call_exists() -> None:
    for call in re.findall(
        r"^ExecStart=/srv/medianest/\.venv/bin/(medianest .*)$", "".join(UNITS.values()), re.MULTILINE
    ):
        assert problem(shlex.split(call)) is None, call


def test_the_settings_exist() -> None:
    named = re.findall(r"^([A-Z_]+)=", "".join(re.findall(r"\.env`:\n\n```\n(.*?)```", PAGE, re.DOTALL)), re.MULTILINE)
    assert len(named) == 7
    assert {name.lower() for name in named} <= set(Settings.model_fields)


async def test_the_owner_migrates_and_the_portal_reads_and_writes_rows(
    not_connected: None, medianest_server: Server
) -> None:
    ((created, granted),) = re.findall(r"```sql\n(.*?)\\connect medianest\n(.*?)```", PAGE, re.DOTALL)
    name = f"medianest_{secrets.token_hex(4)}"
    created, granted = (re.sub(r"\bmedianest(?=\b|_owner|_portal)", name, sql) for sql in (created, granted))
    owner, portal = (
        replace(medianest_server.url, database=name, user=f"{name}_{role}", password=SecretStr("password"))
        for role in ("owner", "portal")
    )
    try:
        await medianest_server.execute(*filter(str.strip, created.split(";")))
        async with connection_to(replace(medianest_server.url, database=name)) as administrator:
            await administrator.execute(granted)
        await migrate(owner)
        async with database(owner):
            await seed()
        async with database(portal):
            user = await users.create_local("ann", password="correct horse battery")
            await downloads.enqueue(user.id, playlist_url="https://www.youtube.com/playlist?list=1")
            assert await downloads.claim("a worker") is not None
            await services.record_check("plex", status=ServiceStatus.UP, response_time_ms=1)
            await system_config.set("portal.theme", value="dark", updated_by=user.id)
            with pytest.raises(DatabaseUnavailableError, match="privilege"):
                await execute("DROP TABLE users")
    finally:
        await medianest_server.execute(
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
            *(f'DROP ROLE IF EXISTS "{name}_{role}"' for role in ("owner", "portal")),
        )
