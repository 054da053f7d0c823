"""The seed: the services and the settings that a new portal starts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medianest_models.db import transaction
from medianest_models.db.locks import AdvisoryLock, lock_in_transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.fields.json import dump_json
from medianest_models.repositories.system_config import RETENTION_OF_CHECKS, SEEDED_CONFIGS, SeededConfig

SEEDED_SERVICES: Final[Mapping[str, str]] = {
    "plex": "Plex Media Server",
    "overseerr": "Overseerr",
    "uptime-kuma": "Uptime Kuma",
}
"""The services' names, and their display names."""


class SeedOutcome(StrEnum):
    """The outcome of the seed for a row."""

    CREATED = "created"
    UPDATED = "updated"
    KEPT = "kept"
    CUSTOMIZED = "customized"
    """Left alone, because somebody has changed its value."""


@dataclass(frozen=True)
class SeedReport:
    """The outcome for each service, by its name, and for each setting, by its key.

    `retention.checks` is among the settings only if it was created.
    """

    services: dict[str, SeedOutcome]
    configs: dict[str, SeedOutcome]


# Raw, because a trigger reads it: while it is on, new and changed settings are not marked as customized. It is turned
# off again, because the transaction may be nested in a longer one.
_SEEDING: Final = "SELECT set_config('medianest.seeding', $1, TRUE)"

# Raw, like the next three, for all rows at once. ON CONFLICT alone would use up a serial number for each existing row;
# without it, a row that a worker creates at the same moment would raise an error.
_ADD_SERVICES: Final = """
INSERT INTO services (name, display_name, enabled)
SELECT name, display_name, TRUE
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS seeded (name, display_name, place)
WHERE NOT EXISTS (SELECT FROM services WHERE services.name = seeded.name)
ORDER BY place
ON CONFLICT (name) DO NOTHING
RETURNING name AS key
"""

_ADD_CONFIGS: Final = """
INSERT INTO system_config (key, value, description)
SELECT key, value::jsonb, description
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS seeded (key, value, description, place)
WHERE NOT EXISTS (SELECT FROM system_config WHERE system_config.key = seeded.key)
ORDER BY place
ON CONFLICT (key) DO NOTHING
RETURNING key
"""

_UPDATE_CONFIGS: Final = """
UPDATE system_config AS config
SET value = seeded.value::jsonb, description = seeded.description, updated_by = NULL, customized_at = NULL
FROM unnest($1::text[], $2::text[], $3::text[]) AS seeded (key, value, description)
WHERE config.key = seeded.key
    AND (config.customized_at IS NULL OR $4)
    AND (config.value, config.description, config.customized_at)
        IS DISTINCT FROM (seeded.value::jsonb, seeded.description, NULL)
RETURNING config.key
"""

_HAS_CHECKS: Final = "SELECT EXISTS (SELECT FROM service_status_history) AS has_checks"

_CUSTOMIZED_CONFIGS: Final = "SELECT key FROM system_config WHERE key = ANY ($1::text[]) AND customized_at IS NOT NULL"


async def seed(*, force: bool = False) -> SeedReport:
    """Insert the services and the settings that are missing, in one transaction.

    It changes neither existing services nor customized settings. Other settings get this version's value. If there is
    nothing to do, it writes nothing. With `force` it overwrites customized settings too.

    Raises:
        MigrationError: The database lacks the tables; the message says what to run.
        DatabaseTimeoutError: Another seed was still running after `DATABASE_LOCK_TIMEOUT`.
    """
    names, shown = list(SEEDED_SERVICES), list(SEEDED_SERVICES.values())
    keys, values, descriptions = _columns(SEEDED_CONFIGS)
    async with transaction():
        # One seed at a time: two that update several settings could deadlock.
        await lock_in_transaction(AdvisoryLock.SEEDING)
        services = dict.fromkeys(names, SeedOutcome.KEPT)
        services |= await _outcomes(SeedOutcome.CREATED, _ADD_SERVICES, names, shown)
        configs = dict.fromkeys(keys, SeedOutcome.KEPT)
        await execute(_SEEDING, "on")
        configs |= await _outcomes(SeedOutcome.UPDATED, _UPDATE_CONFIGS, keys, values, descriptions, force)
        configs |= await _outcomes(SeedOutcome.CREATED, _ADD_CONFIGS, keys, values, descriptions)
        await execute(_SEEDING, "off")
        configs |= await _outcomes(SeedOutcome.CUSTOMIZED, _CUSTOMIZED_CONFIGS, keys)
    return SeedReport(services, configs)


async def seed_installation(*, force: bool = False) -> SeedReport:
    """Seed as `seed` does, and in a new installation also set `retention.checks`, the retention of checks.

    An installation is new if this call creates all services of the seed and there are no checks. In any other, checks
    are kept for ever until somebody sets `retention.checks`: nothing is to be removed that nobody asked to remove.
    """
    async with transaction():
        report = await seed(force=force)
        if {*report.services.values()} == {SeedOutcome.CREATED} and not (await fetch(_HAS_CHECKS))[0]["has_checks"]:
            await execute(_SEEDING, "on")
            added = await _outcomes(SeedOutcome.CREATED, _ADD_CONFIGS, *_columns([RETENTION_OF_CHECKS]))
            await execute(_SEEDING, "off")
            report.configs.update(added)
    return report


def _columns(configs: Sequence[SeededConfig]) -> tuple[list[str], list[str], list[str]]:
    """Return the keys, the values and the descriptions of settings."""
    return (
        [config.key for config in configs],
        [dump_json(config.value, config.key) for config in configs],
        [config.description for config in configs],
    )


async def _outcomes(outcome: SeedOutcome, sql: str, *arguments: object) -> dict[str, SeedOutcome]:
    """Return the outcome for each row of a statement's result."""
    return {row["key"]: outcome for row in await fetch(sql, *arguments)}
