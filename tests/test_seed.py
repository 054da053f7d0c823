"""The seed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_models.db import database
from medianest_models.db.locks import AdvisoryLock
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import ServiceStatus
from medianest_models.errors import DatabaseTimeoutError, MigrationError
from medianest_models.models import Service, SystemConfig
from medianest_models.repositories import services, system_config
from medianest_models.seed import SeedOutcome, SeedReport, seed
from medianest_models.settings import DatabaseUrl
from tests.processes import run_in_processes
from tests.servers import connection_to

SERVICES = [
    ("plex", "Plex Media Server", True),
    ("overseerr", "Overseerr", True),
    ("uptime-kuma", "Uptime Kuma", True),
]
CONFIGS = {
    "rate_limit.api.default": ({"limit": 100, "window": 60}, "Default API rate limit per minute"),
    "rate_limit.youtube.download": ({"limit": 5, "window": 3600}, "YouTube download rate limit per hour"),
    "rate_limit.media.request": ({"limit": 20, "window": 3600}, "Media request rate limit per hour"),
    "youtube.concurrent_downloads": ({"max": 3}, "Maximum concurrent YouTube downloads"),
    "session.remember_me_days": ({"days": 90}, "Remember me token validity in days"),
}
DOWNLOADS = "youtube.concurrent_downloads"
RETENTION = "retention.checks"


def report(outcome: SeedOutcome, **configs: SeedOutcome) -> SeedReport:
    """Return a report in which all rows have the same outcome, except for some settings."""
    return SeedReport(
        dict.fromkeys([name for name, *_ in SERVICES], outcome), dict.fromkeys(CONFIGS, outcome) | configs
    )


NEW = report(SeedOutcome.CREATED, **{RETENTION: SeedOutcome.CREATED})
"""The report of a new installation."""


async def rows() -> list[dict[str, Any]]:
    """Return all rows of the two tables, with the place of each row version and the sequences' next values."""
    return [
        dict(row)
        for statement in (
            "SELECT ctid, xmin, * FROM services ORDER BY id",
            "SELECT ctid, xmin, * FROM system_config ORDER BY id",
            "SELECT last_value FROM services_id_seq",
            "SELECT last_value FROM system_config_id_seq",
        )
        for row in await fetch(statement)
    ]


async def test_seeds_what_the_source_says(db: DatabaseUrl) -> None:
    assert await seed() == NEW
    services = await Service.all().order_by("id")
    assert [(service.name, service.display_name, service.enabled) for service in services] == SERVICES
    assert {(service.url, service.api_key, service.config_data) for service in services} == {(None, None, None)}
    configs = await SystemConfig.filter(key__not=RETENTION)
    assert {config.key: (config.value, config.description) for config in configs} == CONFIGS
    assert {(config.customized_at, config.updated_by_id) for config in configs} == {(None, None)}


async def test_a_second_run_writes_nothing(fresh_db: DatabaseUrl) -> None:
    await seed()
    before = await rows()
    assert await seed() == report(SeedOutcome.KEPT)
    assert await seed() == report(SeedOutcome.KEPT)
    assert await rows() == before


async def test_a_service_is_never_overwritten(db: DatabaseUrl) -> None:
    await execute("INSERT INTO services (name, display_name, enabled) VALUES ('plex', 'Ours', FALSE)")
    assert (await seed(force=True)).services == {
        "plex": SeedOutcome.KEPT,
        "overseerr": SeedOutcome.CREATED,
        "uptime-kuma": SeedOutcome.CREATED,
    }
    plex = await Service.get(name="plex")
    assert (plex.display_name, plex.enabled) == ("Ours", False)


async def test_a_deleted_service_or_setting_comes_back(db: DatabaseUrl) -> None:
    await seed()
    await Service.filter(name="plex").delete()
    await SystemConfig.filter(key=DOWNLOADS).delete()
    done = await seed()
    assert done.services["plex"] is done.configs[DOWNLOADS] is SeedOutcome.CREATED


async def test_what_nobody_changed_gets_this_version_s_value(db: DatabaseUrl) -> None:
    await seed()
    await execute("SELECT set_config('medianest.seeding', 'on', TRUE)")  # an earlier version's seed
    await execute("UPDATE system_config SET value = '{\"max\": 2}', description = 'Once' WHERE key = $1", DOWNLOADS)
    await execute("SELECT set_config('medianest.seeding', 'off', TRUE)")
    assert (await seed()).configs[DOWNLOADS] is SeedOutcome.UPDATED
    config = await system_config.get(DOWNLOADS)
    assert (config.value, config.description, config.customized_at) == (*CONFIGS[DOWNLOADS], None)
    assert (await seed()).configs[DOWNLOADS] is SeedOutcome.KEPT


@pytest.mark.parametrize("with_psql", [False, True])
async def test_what_somebody_changed_stays(db: DatabaseUrl, with_psql: bool) -> None:  # noqa: FBT001 - a test's parameter
    await seed()
    if with_psql:
        await execute("UPDATE system_config SET value = '{\"max\": 9}' WHERE key = $1", DOWNLOADS)
    else:
        await system_config.set(DOWNLOADS, value={"max": 9})
    before = await rows()
    assert await seed() == report(SeedOutcome.KEPT, **{DOWNLOADS: SeedOutcome.CUSTOMIZED})
    assert await rows() == before
    assert await system_config.concurrent_downloads() == 9


@pytest.mark.parametrize("with_psql", [False, True])
async def test_what_somebody_created_stays(db: DatabaseUrl, with_psql: bool) -> None:  # noqa: FBT001 - a test's parameter
    if with_psql:
        await execute("INSERT INTO system_config (key, value) VALUES ($1, '{\"max\": 3}')", DOWNLOADS)
    else:
        await system_config.set(DOWNLOADS, value={"max": 3})
    assert await seed() == SeedReport(NEW.services, NEW.configs | {DOWNLOADS: SeedOutcome.CUSTOMIZED})


async def test_a_new_installation_keeps_checks_for_30_days(db: DatabaseUrl) -> None:
    assert await seed() == NEW
    config = await system_config.get(RETENTION)
    assert (config.value, config.customized_at) == ({"days": 30}, None)
    assert config.description is not None
    assert await seed() == report(SeedOutcome.KEPT)
    await system_config.set(RETENTION, value={"days": 90})
    assert await seed(force=True) == report(SeedOutcome.KEPT)
    assert await system_config.retention_days("checks") == 90


async def test_an_installation_that_has_services_keeps_checks_as_before(db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Ours")
    assert RETENTION not in (await seed()).configs
    assert await system_config.retention_days("checks") is None


async def test_an_installation_that_has_checks_keeps_them_as_before(db: DatabaseUrl) -> None:
    await Service.create(name="radarr", display_name="Radarr")
    await services.record_check("radarr", status=ServiceStatus.UP)
    assert await seed() == report(SeedOutcome.CREATED)
    assert await system_config.retention_days("checks") is None


async def test_what_somebody_chose_before_the_seed_stays(db: DatabaseUrl) -> None:
    await system_config.set(RETENTION, value={"days": 90})
    assert await seed() == report(SeedOutcome.CREATED)
    assert await system_config.retention_days("checks") == 90


async def test_force_overwrites_settings(db: DatabaseUrl) -> None:
    await seed()
    await system_config.set(DOWNLOADS, value={"max": 9})
    assert await seed(force=True) == report(SeedOutcome.KEPT, **{DOWNLOADS: SeedOutcome.UPDATED})
    config = await system_config.get(DOWNLOADS)
    assert (config.value, config.customized_at) == ({"max": 3}, None)
    assert await seed(force=True) == report(SeedOutcome.KEPT)


async def seed_and_count() -> tuple[SeedReport, int, int]:
    return await seed(), await Service.all().count(), await SystemConfig.all().count()


async def test_eight_processes_at_once_twice(fresh_url: DatabaseUrl) -> None:
    first = run_in_processes(seed_and_count, 8, url=fresh_url, connected=True)
    created, kept = NEW, report(SeedOutcome.KEPT)
    assert [outcome[0] for outcome in first].count(created) == 1
    assert sorted(outcome[0] == kept for outcome in first) == [False] + [True] * 7
    assert {outcome[1:] for outcome in first} == {(3, 6)}
    assert run_in_processes(seed_and_count, 8, url=fresh_url, connected=True) == [(kept, 3, 6)] * 8


async def set_all_and_seed() -> None:
    await asyncio.gather(seed(), set_all(), seed())


async def set_all() -> None:
    for key, (value, _) in CONFIGS.items():
        await system_config.set(key, value={name: number + 1 for name, number in value.items()})


async def test_workers_that_change_settings_while_it_runs_win(fresh_url: DatabaseUrl) -> None:
    assert run_in_processes(set_all_and_seed, 4, url=fresh_url, connected=True) == [None] * 4
    async with connection_to(fresh_url) as connection:
        customized = await connection.fetch("SELECT key FROM system_config WHERE customized_at IS NOT NULL")
    assert {row["key"] for row in customized} == CONFIGS.keys()


@pytest.mark.parametrize(
    ("statement", "created"),
    [
        ("INSERT INTO services (name, display_name) VALUES ('plex', 'Ours')", 7),  # so that this is no new installation
        (f"INSERT INTO system_config (key, value) VALUES ('{DOWNLOADS}', '{{}}')", 8),
    ],
)
async def test_what_somebody_creates_in_the_same_moment_stays(
    fresh_db: DatabaseUrl, statement: str, created: int
) -> None:
    async with connection_to(fresh_db) as connection, connection.transaction():
        await connection.execute(statement)
        seeding = asyncio.create_task(seed())
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            assert not seeding.done()
    done = await seeding
    outcomes = {**done.services, **done.configs}
    assert sorted(outcomes.values()).count(SeedOutcome.CREATED) == created


async def test_a_seed_waits_for_another_one_for_so_long(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.2")
    async with connection_to(fresh_url) as other, database(fresh_url):
        async with other.transaction():
            await other.execute("SELECT pg_advisory_xact_lock($1)", AdvisoryLock.SEEDING)
            with pytest.raises(DatabaseTimeoutError):
                await seed()
        assert await seed() == NEW


async def test_an_unmigrated_database_is_refused(empty_url: DatabaseUrl) -> None:
    async with database(empty_url, require_migrated=False):
        with pytest.raises(MigrationError, match="run `medianest db migrate`"):
            await seed()
