"""One run of all operations, with canaries in every secret place; the tests then search its results."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tortoise.connection import get_connection

from medianest_models.db import connect_database, database_health, disconnect_database, get_database_stats
from medianest_models.db.client import Client
from medianest_models.db.statements import execute
from medianest_models.embedded.programs import find_bindir
from medianest_models.encryption.keys import key_ring
from medianest_models.models import Service, SessionToken, User
from medianest_models.models.base import Base
from medianest_models.pagination import paginate_by_cursor
from medianest_models.repositories import services, sessions, users
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl, Settings, load_settings
from medianest_models.testing.servers import Server
from tests.leaks import failures_of_callers, failures_of_databases, failures_of_models
from tests.leaks.canaries import Canaries, encryption_key, texts_in
from tests.leaks.commands import outputs
from tests.leaks.failures import Failures
from tests.leaks.imports import importing
from tests.leaks.instances import states
from tests.leaks.rows import MODELS, SECRET_MODELS, make_rows, secrets_of, values


@dataclass
class Evidence:
    """The results of all operations.

    Attributes:
        canaries: The values that no result may contain.
        rows: A row of every model.
        instances: An instance of every model in every state.
        errors: The raised errors, by attempt.
        lines: The log, as whole records.
        results: The results of functions that handle secrets, and objects made from the settings.
        queries: The SQL of query sets, including the parameters.
        cursors: Cursors of every list that a caller may request.
        dump: The output of pg_dump, in two formats.
        outputs: The output of each command, by its arguments.
    """

    canaries: Canaries = field(default_factory=Canaries)
    rows: dict[type[Any], Any] = field(default_factory=dict)
    instances: dict[tuple[str, str], Base] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    results: list[object] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    dump: dict[str, bytes] = field(default_factory=dict)
    outputs: dict[tuple[str, ...], str] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def evidence(medianest_server: Server, medianest_template: str) -> AsyncIterator[Evidence]:
    """Run all operations and return their results; this process stays connected to their database."""
    found = Evidence()
    await disconnect_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_LEVEL", "debug")
        patch.setenv("ADMIN_PASSWORD", found.canaries.new("the first admin's password").text)
        _use_keys(patch, encryption_key(found.canaries, "the key"))
        async with _database(medianest_server, medianest_template, found.canaries) as url:
            patch.setenv("DATABASE_URL", url.render().get_secret_value())
            try:
                with _logged() as found.lines:
                    await connect_database(url)
                    found.rows = await make_rows(found.canaries)
                    await _write(found)
                    await _write_slowly(found)
                    found.instances = await states(found.canaries, found.rows)
                    await _fail(found, url, patch)
                    await _read(found)
                    found.dump = {form: await asyncio.to_thread(_dump, url, form) for form in ("plain", "custom")}
                    found.results.append(await importing(Failures(found.errors), found.canaries, url, patch))
                    await _command(found, patch)
                yield found
            finally:
                await disconnect_database()
    key_ring.cache_clear()


@asynccontextmanager
async def _database(server: Server, template: str, canaries: Canaries) -> AsyncIterator[DatabaseUrl]:
    """Make a database for a user whose password must not appear anywhere."""
    name, password = f"{template}_leaks", canaries.new("the database's password").text
    await server.execute(f"CREATE ROLE \"{name}\" SUPERUSER LOGIN PASSWORD '{password}'")
    try:
        async with server.database(name, template=template) as url:
            yield replace(url, user=name, password=SecretStr(password))
    finally:
        await server.execute(f'DROP ROLE "{name}"')


def _use_keys(patch: pytest.MonkeyPatch, *keys: str) -> None:
    patch.setenv("ENCRYPTION_KEYS", ",".join(keys))
    key_ring.cache_clear()


async def _write(found: Evidence) -> None:
    """Write secrets in every possible way."""
    for model in SECRET_MODELS:
        row = found.rows[model]
        for number, variant in enumerate((" changed", " changed again")):
            changed = await model.get(id=row.id)
            changed.update_from_dict(secrets_of(found.canaries, model, variant))
            await changed.save(update_fields=[[*secrets_of(found.canaries, model)], None][number])
    many = [User(**values(found.canaries, User, {}, f" in bulk {number}")) for number in range(3)]
    await User.bulk_create(many)
    await User.bulk_create(many, update_fields=["plex_token"], on_conflict=["plex_id"])
    await Service.bulk_create(
        [Service(**values(found.canaries, Service, {}, f" in bulk {number}")) for number in range(25)]
    )
    for model in MODELS:
        made = model(**values(found.canaries, model, found.rows, " as SQL"))
        found.queries.append(model.bulk_create([made]).sql(params_inline=True))
    secrets = secrets_of(found.canaries, User, " as a default")
    await User.get_or_create(plex_id="got", defaults={"plex_username": "x", **secrets})
    await User.update_or_create(plex_id="got", defaults={"plex_username": "y", **secrets})
    found.rows = {model: await model.get(id=row.id) for model, row in found.rows.items()}


async def _write_slowly(found: Evidence) -> None:
    """Do the same while every statement counts as slow, and is so logged as a warning at any level."""
    client = get_connection(DEFAULT_ALIAS)
    assert isinstance(client, Client)
    slow, client.slow_seconds = client.slow_seconds, 0
    rows = await make_rows(found.canaries, " slowly")
    for model in SECRET_MODELS:
        await rows[model].save()
    await failures_of_databases.written_out(found.canaries)
    client.slow_seconds = slow


async def _command(found: Evidence, patch: pytest.MonkeyPatch) -> None:
    """Run every command, with a key to rotate to, a row that can't be decrypted and no admin."""
    _use_keys(patch, *(encryption_key(found.canaries, name) for name in ("a newer key", "the key")))
    await execute("DELETE FROM users WHERE role = 'admin'")
    await execute(
        "UPDATE users SET plex_token = (SELECT plex_token FROM users WHERE id = $1) WHERE plex_id = 'got'",
        found.rows[User].id,
    )
    found.outputs = await outputs(patch)


async def _read(found: Evidence) -> None:
    """Read every list that a caller may request, by every column, and the database's health and the settings."""
    password = found.canaries.new("the database's password").text
    url = DatabaseUrl.parse(f"postgresql://ada:{password}@host/medianest")
    settings = load_settings()
    found.results += [url, url.masked, url.render(), settings, settings.model_dump(), settings.model_dump_json()]
    found.results += [key_ring(), await database_health(), await get_database_stats(), get_connection(DEFAULT_ALIAS)]
    found.results += [await users.search(), await services.list_enabled(), await services.get(found.rows[Service].name)]
    found.results.append(await sessions.list_for_user(found.rows[SessionToken].user_id))
    for model in MODELS:
        found.queries += [
            model.all().sql(params_inline=True),
            model.filter(id=found.rows[model].id).sql(params_inline=True),
        ]
        for column in model._meta.fields_db_projection:
            try:
                page = await paginate_by_cursor(model.all(), sort_by=column, limit=1)
            except ValueError:
                continue  # a column that nothing can be sorted by
            found.cursors += [cursor for cursor in (page.next_cursor, page.previous_cursor) if cursor]


async def _fail(found: Evidence, url: DatabaseUrl, patch: pytest.MonkeyPatch) -> None:
    """Cause every possible error."""
    failures = Failures(found.errors)
    arguments = (failures, found.canaries, found.rows)
    await failures_of_models.writing(*arguments)
    await failures_of_models.asking(*arguments[:2])
    await failures_of_models.reading(*arguments, patch)
    await failures_of_callers.repositories(*arguments)
    await failures_of_callers.lists(*arguments)
    found.results += await failures_of_callers.accounts(failures, found.canaries)
    await failures_of_callers.documents(failures, found.canaries, found.instances)
    await failures_of_databases.statements(failures, found.canaries, url)
    await failures_of_databases.connecting(failures, found.canaries, url, patch)


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Record everything that any logger logs in the block, at any level."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))
            lines.extend(texts_in(vars(record)))

    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
    handler = Collector()
    root = logging.getLogger()
    names = ("", "medianest_models", "tortoise", "tortoise.db_client", "asyncpg", "asyncio")
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _dump(url: DatabaseUrl, form: str) -> bytes:
    """Dump the whole database with pg_dump of the newest PostgreSQL on this machine."""
    program = find_bindir(Settings(pg_bindir=None)) / "pg_dump"
    arguments = url.connect_arguments()
    environment = {**os.environ, "PGPASSWORD": url.password.get_secret_value() if url.password else ""}
    place = ["-h", str(arguments["host"]), "-p", str(arguments["port"]), "-U", str(arguments["user"])]
    result = subprocess.run(
        [
            str(program),
            *place,
            f"--format={form}",
            "--compress=0",
            "--inserts",
            "--load-via-partition-root",
            str(arguments["database"]),
        ],
        env=environment,
        cwd=Path("/"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout
