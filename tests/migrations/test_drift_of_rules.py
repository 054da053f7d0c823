"""Drift of indexes, constraints, triggers and functions, made by hand: each difference is reported."""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import pytest

from medianest_models.migrate.drift import compare
from medianest_models.testing.servers import Server

EXTRA: Final = "is extra: no applied migration makes it"

# Changes, and the lines that report them. The statements of a group do not affect each other.
DRIFTS: Final[list[dict[str, list[str]]]] = [
    {
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users FOR SELECT USING (role = 'user')": [
            "table users: row-level security is on, should be off",
            f"policy p on users {EXTRA}",
        ],
        "DROP INDEX ix_users_email": ["index ix_users_email on users is missing"],
        "CREATE INDEX mine ON users (last_login_at)": [f"index mine on users {EXTRA}"],
        "DROP INDEX ix_users_created_at; CREATE INDEX ix_users_created_at ON users (created_at)": [
            (
                "index ix_users_created_at on users: definition is CREATE INDEX ix_users_created_at ON users "
                "USING btree (created_at), should be CREATE INDEX ix_users_created_at ON users USING btree "
                "(created_at, id)"
            )
        ],
        "DROP INDEX uq_aerich_app_version": ["index uq_aerich_app_version on aerich is missing"],
        "ALTER TABLE users DROP CONSTRAINT ck_users_role": ["constraint ck_users_role on users is missing"],
        "ALTER TABLE users ADD CONSTRAINT mine CHECK (plex_id <> '')": [f"constraint mine on users {EXTRA}"],
        "ALTER TABLE users DROP CONSTRAINT ck_users_email, ADD CONSTRAINT ck_users_email CHECK (email <> '') "
        "NOT VALID": [
            "constraint ck_users_email on users: state is not valid for all rows (NOT VALID), should be valid",
        ],
        "ALTER TABLE system_config DROP CONSTRAINT fk_system_config_updated_by, ADD CONSTRAINT "
        "fk_system_config_updated_by FOREIGN KEY (updated_by) REFERENCES media_requests ON DELETE SET NULL": [
            (
                "constraint fk_system_config_updated_by on system_config: definition is FOREIGN KEY "
                "(updated_by) REFERENCES media_requests(id), should be FOREIGN KEY (updated_by) REFERENCES "
                "users(id)"
            )
        ],
        "ALTER TABLE activity_logs DROP CONSTRAINT fk_activity_logs_user_id, ADD CONSTRAINT "
        "fk_activity_logs_user_id FOREIGN KEY (user_id) REFERENCES users": [
            "constraint fk_activity_logs_user_id on activity_logs: ON DELETE is NO ACTION, should be SET NULL",
        ],
        "ALTER TABLE local_credentials DISABLE TRIGGER ALL": [
            (
                "constraint fk_local_credentials_user_id on local_credentials: state is disabled (the "
                "server's own triggers for it are off), should be valid"
            ),
            "trigger tr_local_credentials_updated_at on local_credentials: state is disabled, should be enabled",
        ],
        "DROP TRIGGER tr_services_updated_at ON services": ["trigger tr_services_updated_at on services is missing"],
        "CREATE TRIGGER mine BEFORE INSERT ON services FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at()": [
            f"trigger mine on services {EXTRA}",
        ],
        "CREATE RULE mine AS ON DELETE TO users DO INSTEAD NOTHING": [f"rule mine on users {EXTRA}"],
        "DROP FUNCTION medianest_claim_download": [
            "function medianest_claim_download(text,interval,integer,integer) is missing",
        ],
        "CREATE FUNCTION mine(n int) RETURNS int LANGUAGE sql AS 'SELECT n'": [f"function mine(integer) {EXTRA}"],
        "CREATE OR REPLACE FUNCTION medianest_touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
        "RETURN NEW; END'": [
            "function medianest_touch_updated_at(): its body was changed",
        ],
        "ALTER FUNCTION medianest_uuid_v7() STABLE": [
            "function medianest_uuid_v7(): volatility is STABLE, should be VOLATILE",
        ],
        "ALTER FUNCTION medianest_max_running_downloads() SECURITY DEFINER SET search_path = public": [
            "function medianest_max_running_downloads(): security is DEFINER, should be INVOKER",
            "function medianest_max_running_downloads(): setting is search_path=public, should be none",
        ],
        "CREATE FUNCTION medianest_release_expired_downloads(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'": [
            f"function medianest_release_expired_downloads(text) {EXTRA}",
        ],
        "CREATE PROCEDURE mine() LANGUAGE sql AS 'SELECT 1'": [f"procedure mine() {EXTRA}"],
    },
    {
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY": [
            "table users: row-level security is forced, should be off",
        ],
        "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'ix_users_email'::regclass": [
            "index ix_users_email on users: state is invalid (no query uses it), should be valid",
        ],
        "ALTER TABLE users DROP CONSTRAINT uq_users_plex_id, ADD CONSTRAINT uq_users_plex_id UNIQUE "
        "(plex_id) DEFERRABLE": [
            (
                "constraint uq_users_plex_id on users: definition is UNIQUE (plex_id) DEFERRABLE, should be "
                "UNIQUE (plex_id)"
            )
        ],
        "CREATE OR REPLACE FUNCTION medianest_max_running_downloads() RETURNS numeric LANGUAGE plpgsql "
        "STABLE AS 'BEGIN RETURN 3; END'": [
            "function medianest_max_running_downloads(): language is plpgsql, should be sql",
            "function medianest_max_running_downloads(): its body was changed",
        ],
    },
    {
        "ALTER INDEX ix_users_email RENAME TO ix_mail": [
            "index ix_users_email on users is missing",
            f"index ix_mail on users {EXTRA}",
        ],
        "ALTER TABLE services ENABLE REPLICA TRIGGER tr_services_updated_at": [
            "trigger tr_services_updated_at on services: state is enabled on replicas only, should be enabled",
        ],
    },
    {
        "CREATE OR REPLACE TRIGGER tr_services_updated_at BEFORE INSERT ON services FOR EACH ROW EXECUTE "
        "FUNCTION medianest_touch_updated_at()": [
            (
                "trigger tr_services_updated_at on services: definition is CREATE TRIGGER "
                "tr_services_updated_at BEFORE INSERT ON services FOR EACH ROW EXECUTE FUNCTION "
                "medianest_touch_updated_at(), should be CREATE TRIGGER tr_services_updated_at BEFORE UPDATE "
                "ON services FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at()"
            )
        ],
    },
]


@pytest.mark.parametrize("drifts", DRIFTS, ids=range(len(DRIFTS)))
async def test_each_is_found_and_named(raw: asyncpg.Connection[Any], drifts: dict[str, list[str]]) -> None:
    for statement in drifts:
        await raw.execute(statement)
    named = [difference.text for difference in (await compare(raw)).differences]
    assert sorted(named) == sorted(line for lines in drifts.values() for line in lines)


async def test_what_postgresql_18_added(raw: asyncpg.Connection[Any], medianest_server: Server) -> None:
    if medianest_server.major < 18:
        pytest.skip("PostgreSQL 18 only")
    await raw.execute(
        "ALTER TABLE users ALTER plex_id DROP NOT NULL; ALTER TABLE users ADD CONSTRAINT nn NOT NULL plex_id NOT VALID;"
        "ALTER TABLE activity_logs ALTER CONSTRAINT fk_activity_logs_user_id NOT ENFORCED;"
        "ALTER TABLE users DROP COLUMN plex_token;"
        "ALTER TABLE users ADD COLUMN plex_token text GENERATED ALWAYS AS (role || 'x') VIRTUAL"
    )
    own = "constraint fk_activity_logs_user_id on activity_logs"
    definition = "FOREIGN KEY (user_id) REFERENCES users(id)"
    assert [difference.text for difference in (await compare(raw)).differences] == [
        "column users.plex_id: NULL is not allowed in new rows only (NOT VALID), should be not allowed",
        "column users.plex_token: value is VIRTUAL role::text || 'x'::text, should be not generated",
        f"{own}: definition is {definition} NOT ENFORCED, should be {definition}",
        f"{own}: state is not valid for all rows (NOT VALID), should be valid",
    ]
