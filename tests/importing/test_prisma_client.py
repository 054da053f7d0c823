"""A real Prisma 7 client beside this package, with the schema of examples/prisma: skipped if npm can't install it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from medianest_models.db.statements import execute
from medianest_models.models import MediaRequest, ServiceStatusHistory, User
from medianest_models.repositories import media_requests, system_config, users
from medianest_models.settings import DatabaseUrl
from tests.migrations.contract import MODELLED

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "prisma"
OLDEST_NODE: Final = 20
NOON: Final = datetime(2024, 7, 1, 12, 0, 0, 123_000, UTC)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install Prisma in a folder of its own, with the example's schema and the tests' program."""
    for needed in ("node", "npm"):
        if shutil.which(needed) is None:
            pytest.skip(f"NOT RUN: there is no {needed} to run a Prisma client with")
    folder = tmp_path_factory.mktemp("prisma")
    for path in (*EXAMPLE.iterdir(), Path(__file__).with_name("prisma_rows.mjs")):
        if path.is_file():
            shutil.copy(path, folder)
    environment = _environment(folder)
    version = _run(["node", "--version"], folder, environment, seconds=60).stdout
    if int(version.strip().lstrip("v").partition(".")[0] or 0) < OLDEST_NODE:
        pytest.skip(f"NOT RUN: node {version.strip()} is too old for Prisma")
    if problem := _install(folder, environment):
        pytest.skip(f"NOT RUN: npm can't install Prisma: {problem}")
    generating = ["node_modules/.bin/prisma", "generate", "--schema", "schema.prisma"]
    ended = _run(generating, folder, environment, seconds=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    yield folder / "prisma_rows.mjs"
    shutil.rmtree(folder)  # some hundred megabytes


def _environment(folder: Path) -> dict[str, str]:
    """Make the environment in which npm and Prisma write into the folder only, and download no engine."""
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), "npm_config_cache": str(folder / "cache")}
    environment |= {"CHECKPOINT_DISABLE": "1", "PRISMA_SCHEMA_ENGINE_BINARY": shutil.which("true") or ""}
    for name in [name for name in environment if name.startswith("XDG_")]:
        del environment[name]
    settings = Path(os.environ.get("HOME") or "/") / ".npmrc"  # names a mirror, perhaps
    if os.access(settings, os.R_OK):
        environment["npm_config_userconfig"] = str(settings)
    return environment


def _install(folder: Path, environment: dict[str, str]) -> str | None:
    """Install the example's packages; return the reason if that can't be done, such as no network."""
    installing = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    installing += ["--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    try:
        ended = _run(installing, folder, environment, seconds=300)
    except subprocess.TimeoutExpired:
        return "it takes more than 300 seconds"
    except OSError as error:
        return f"{error.strerror}"
    code = re.search(r"^npm (?:error|ERR!) code (\S+)", ended.stderr, re.MULTILINE)
    return None if ended.returncode == 0 else code[1] if code else f"exit status {ended.returncode}"


def _run(
    command: list[str], folder: Path, environment: dict[str, str], *, seconds: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,  # nobody answers a question
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def test_the_schema_names_every_table_and_column() -> None:
    text = (EXAMPLE / "schema.prisma").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for model in re.findall(r"^model .*?^}", text, re.DOTALL | re.MULTILINE):
        table = re.search(r'@@map\("(\w+)"\)', model)
        assert table is not None
        lines = [line.split() for line in model.splitlines()[1:-1] if line.strip() and "@@" not in line]
        columns = [
            words for words in lines if words[1].rstrip("?[]") not in re.findall(r"^model (\w+)", text, re.MULTILINE)
        ]
        found[table[1]] = {_column(" ".join(words)) for words in columns}
    expected = {table: set(contract["columns"]) for table, contract in MODELLED.items()}
    del expected["rolling_rate_limits"]  # counted by this package's own statements only
    assert found == expected


def _column(line: str) -> str:
    mapped = re.search(r'@map\("(\w+)"\)', line)
    return mapped[1] if mapped else line.split(maxsplit=1)[0]


async def test_both_read_and_write_the_same_rows(fresh_db: DatabaseUrl, program: Path) -> None:
    await execute(f"ALTER ROLE CURRENT_USER IN DATABASE {fresh_db.database} SET TimeZone = 'America/New_York'")
    mine = await users.upsert_from_plex("42", plex_username="ann", email=None, plex_token="a token")
    await media_requests.submit(mine.id, title="Alien", media_type="movie", tmdb_id="348")
    seen = await asyncio.to_thread(_write_and_read, program, fresh_db)
    assert seen["zone"] == "UTC"
    assert all(count >= 1 for count in seen["counts"].values())
    assert len(seen["counts"]) == len(MODELLED) - 1
    assert seen["ours"]["plexUsername"] == "ann"
    assert seen["ours"]["plexToken"].startswith("v1.")
    assert [row["title"] for row in seen["ours"]["requests"]] == ["Alien"]
    assert datetime.fromisoformat(seen["ours"]["createdAt"]) == mine.created_at.replace(
        microsecond=mine.created_at.microsecond // 1000 * 1000
    )
    theirs = await User.get(plex_id="77")
    assert (str(theirs.id), theirs.created_at, theirs.is_active) == (seen["id"], NOON, True)
    assert (await User.get(plex_id="42")).last_login_at == NOON
    assert (await MediaRequest.get(user_id=theirs.id)).title == "Dune"
    assert (await ServiceStatusHistory.get()).checked_at == NOON
    assert (await system_config.get("own")).value == {"a": 1}


def _write_and_read(program: Path, url: DatabaseUrl) -> Any:
    command = ["node", str(program), url.for_libpq().get_secret_value()]
    ended = _run(command, program.parent, _environment(program.parent), seconds=120)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
