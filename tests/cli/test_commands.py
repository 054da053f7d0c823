"""The command `medianest`, run as a user runs it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from medianest_models.encryption.keys import KeyRing
from medianest_models.repositories import downloads, services
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from tests.commands import document, medianest, subcommands

SEEDED = {"plex", "overseerr", "uptime-kuma"}


def test_migrate_seed_and_look(empty_url: DatabaseUrl) -> None:
    status, _, errors = medianest("seed")
    assert status == 1
    assert "medianest db migrate" in errors
    assert document("db", "status")["migrations"]["applied"] == []
    applied = document("db", "migrate")["applied"]
    assert applied
    assert document("db", "migrate")["applied"] == []
    assert document("db", "status")["migrations"] == {"applied": applied, "pending": [], "unknown": []}
    assert document("seed")["services"] == dict.fromkeys(SEEDED, "created")
    assert document("seed")["services"] == dict.fromkeys(SEEDED, "kept")
    health = document("health")
    assert health["ok"] is True
    assert health["migration_head"] == applied[-1]
    assert document("stats") == {"users": 0, "media_requests": 0, "youtube_downloads": 0}


def test_setup_says_what_there_is_and_can_be_run_again(empty_url: DatabaseUrl) -> None:
    first, again = document("setup"), document("setup")
    assert first["migrations"]["applied_now"] == first["migrations"]["applied"] == again["migrations"]["applied"]
    assert again["migrations"]["applied_now"] == []
    assert set(again["seed"]["services"]) == SEEDED
    status, output, _ = medianest("setup")
    assert status == 0
    for said in (empty_url.masked, "0 users", "plex", "youtube.concurrent_downloads", "Next:"):
        assert said in output


def test_psql_goes_where_the_url_says_whatever_libpq_s_variables_say(fresh_url: DatabaseUrl) -> None:
    variables = {
        "PGHOSTADDR": "127.0.0.2",
        "PGOPTIONS": "-cdefault_transaction_read_only=on",
        "PGSERVICE": "another",
        "PGSSLMODE": "verify-full",
        "PGDATABASE": "another",
    }
    question = "SELECT current_database(), current_setting('default_transaction_read_only')"
    assert medianest("db", "psql", "-Atc", question, **variables) == (0, f"{fresh_url.database}|off\n", "")


def test_seed_force_overwrites_what_was_changed(fresh_url: DatabaseUrl) -> None:
    document("seed")
    medianest("db", "psql", "-c", "UPDATE system_config SET value = '{\"max\": 9}' WHERE value ? 'max'")
    assert document("seed")["configs"]["youtube.concurrent_downloads"] == "customized"
    assert document("seed", "--force")["configs"]["youtube.concurrent_downloads"] == "updated"


def test_generate_key_prints_a_usable_key_and_nothing_else() -> None:
    keys = {medianest("secrets", "generate-key")[1].removesuffix("\n") for _ in range(2)}
    assert len(keys) == 2
    KeyRing.parse(SecretStr(key) for key in keys)


@pytest.mark.parametrize("arguments", [(), *subcommands()], ids=" ".join)
def test_help_everywhere(arguments: tuple[str, ...]) -> None:
    status, output, errors = medianest(*arguments, "--help")
    assert (status, errors) == (0, "")
    assert "Usage: medianest" in output
    assert "..." not in output.replace("[ARGS]...", "").replace("[ARGUMENTS]...", "")  # no sentence is cut off


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        (("nope",), {}, 2, "No such command"),
        (("seed", "--nope"), {}, 2, "No such option"),
        (("seed",), {"DATABASE_URL": "mysql://u:hidden@h/d"}, 2, "DATABASE_URL"),
        (("seed",), {"DATABASE_POOL_MAX": "many"}, 2, "DATABASE_POOL_MAX"),
        (("setup",), {"DATABASE_URL": "", "MEDIANEST_ENV": "production"}, 2, "DATABASE_URL"),
        (("bootstrap",), {"ADMIN_PASSWORD": "hidden" * 200}, 2, "ADMIN_PASSWORD"),
        (("db", "up"), {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/d"}, 2, "DATABASE_URL"),
        (("db", "migrate"), {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/d"}, 1, "nothing listens there"),
        (("db", "check"), {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/d"}, 1, "nothing listens there"),
        (("stats",), {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/d"}, 1, "nothing listens there"),
        (("--env-file", "/nowhere", "seed"), {}, 2, "/nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: tuple[str, ...], environment: dict[str, str], status: int, said: str
) -> None:
    ended, output, errors = medianest(*arguments, **environment)
    assert ended == status
    assert output == ""
    assert said in errors.splitlines()[-1]
    assert "hidden" not in errors


def test_with_json_an_error_is_json_too() -> None:
    for settings, status in (({"DATABASE_POOL_MAX": "many"}, 2), ({"DATABASE_URL": "postgresql://u@127.0.0.1:1/d"}, 1)):
        ended, output, errors = medianest("stats", "--json", **settings)
        assert (ended, errors) == (status, "")
        assert next(iter(settings)) in json.loads(output)["error"]


def test_a_misspelt_setting_is_said() -> None:
    _, output, errors = medianest("db", "url", DATABASE_POLL_MAX="3")
    assert errors == "Warning: DATABASE_POLL_MAX is no setting and changes nothing: is DATABASE_POOL_MAX meant?\n"
    assert "Warning" not in output


def test_health_fails_while_migrations_are_pending(empty_url: DatabaseUrl) -> None:
    status, output, errors = medianest("health", "--json")
    assert (status, errors) == (1, "")
    health = json.loads(output)
    assert (health["ok"], health["error"]) == (False, "migrations are pending: run `medianest db migrate`")
    assert health["migrations_pending"]


def test_python_m() -> None:
    command = [sys.executable, "-m", "medianest_models", "--version"]
    assert subprocess.check_output(command, text=True) == medianest("--version")[1]


def test_health_says_so_when_there_is_no_database() -> None:
    status, output, errors = medianest("health", "--json", DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/d")
    assert (status, errors) == (1, "")
    health = json.loads(output)
    assert health["ok"] is False
    assert "127.0.0.1:1" in health["error"]
    assert "hidden" not in output


def test_the_password_is_masked_unless_it_is_asked_for() -> None:
    url = "postgresql://u:hidden@h:5432/d"
    assert medianest("db", "url", DATABASE_URL=url)[1] == "postgresql://u:***@h:5432/d\n"
    assert medianest("db", "url", "--show-password", DATABASE_URL=url)[1] == url + "\n"


def test_a_server_that_never_answers_is_given_up_within_the_connect_timeout() -> None:
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:hidden@127.0.0.1:{silent.getsockname()[1]}/d"
        status, _, errors = medianest("seed", DATABASE_URL=url, DATABASE_CONNECT_TIMEOUT="1")
    assert status == 1
    assert "no answer" in errors
    assert time.monotonic() - started < 20


def test_the_embedded_server_goes_up_and_down(tmp_path: Path) -> None:
    home = str(tmp_path / "a home")
    settings = {"DATABASE_URL": "", "MEDIANEST_HOME": home, "ENCRYPTION_KEYS": ""}
    assert document("db", "status", **settings)["running"] is False
    try:
        url = document("db", "up", **settings)["url"]
        assert document("db", "up", **settings) == {"url": url, "home": home}
        status = document("db", "status", **settings)
        assert (status["running"], status["home"]) == (True, home)
        assert medianest("db", "psql", "-Atc", "SELECT 1", **settings)[:2] == (0, "1\n")
        assert document("setup", **settings)["url"] == url
    finally:
        assert document("db", "down", **settings) == {"stopped": True}
    assert document("db", "down", **settings) == {"stopped": False}
    assert document("db", "status", **settings)["running"] is False


def test_bootstrap_makes_one_admin_and_warns(fresh_url: DatabaseUrl) -> None:
    status, _, errors = medianest("bootstrap", MEDIANEST_ENV="production")
    assert (status, "ADMIN_PASSWORD" in errors) == (2, True)
    status, output, _ = medianest("bootstrap")
    assert status == 0
    assert "Created the admin user admin." in output
    assert "Make sure to change the admin password after first login!" in output
    assert document("bootstrap") == {"created": None}
    assert "nothing was changed" in medianest("bootstrap")[1]


async def test_stats_say_that_the_queue_is_paused(fresh_db: DatabaseUrl) -> None:
    await downloads.pause(until=datetime(2100, 1, 2, 6, tzinfo=UTC), reason="YouTube throttles")
    _, output, _ = await asyncio.to_thread(medianest, "stats")
    assert "downloads paused   until 2100-01-02T06:00:00+00:00: YouTube throttles\n" in output
    paused = (await asyncio.to_thread(document, "stats"))["downloads_paused"]
    assert paused == {"until": "2100-01-02T06:00:00+00:00", "reason": "YouTube throttles"}
    await downloads.pause()
    assert "downloads paused   until resumed\n" in (await asyncio.to_thread(medianest, "stats"))[1]


async def test_stats_name_the_services_in_maintenance(fresh_db: DatabaseUrl) -> None:
    await seed()
    for name in ("uptime-kuma", "plex", "plex"):
        await services.maintenance.begin(name)
    _, output, _ = await asyncio.to_thread(medianest, "stats")
    assert "in maintenance     plex, uptime-kuma\n" in output
    assert (await asyncio.to_thread(document, "stats"))["in_maintenance"] == ["plex", "uptime-kuma"]


def test_prune_deletes_what_is_over(fresh_url: DatabaseUrl) -> None:
    document("seed")
    old = (
        "INSERT INTO rate_limits (ip_address, endpoint, window_start) VALUES ('::1', 'x', now() - interval '3 days');"
        "INSERT INTO activity_logs (action, created_at) VALUES ('x', now() - interval '3 days'), ('y', now());"
        "INSERT INTO service_status_history (service_id, status, checked_at)"
        " SELECT id, 'up', now() - interval '3 days' FROM services"
    )
    medianest("db", "psql", "-c", old)
    assert document("prune") == {"deleted": {"session_tokens": 0, "rate_limits": 1}}
    assert document("prune", "--history", "2", "--activity", "2")["deleted"] == {
        "session_tokens": 0,
        "rate_limits": 0,
        "service_status_history": 3,
        "activity_logs": 1,
    }
    ended = (
        "INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann');"
        "INSERT INTO youtube_downloads (user_id, playlist_url, status, created_at, completed_at)"
        " SELECT id, 'u', 'completed', now() - interval '4 days', now() - interval '3 days' FROM users"
    )
    medianest("db", "psql", "-c", ended)
    assert "youtube_downloads" not in document("prune")["deleted"]
    assert document("prune", "--downloads", "4")["deleted"]["youtube_downloads"] == 0
    assert document("prune", "--downloads", "2")["deleted"]["youtube_downloads"] == 1
    status, _, errors = medianest("prune", "--history", "-1")
    assert status == 2
    assert "--history" in errors


def test_a_dry_run_prints_the_sql_and_changes_nothing(empty_url: DatabaseUrl) -> None:
    status, output, _ = medianest("db", "migrate", "--dry-run")
    assert status == 0
    assert "CREATE TABLE users" in output
    pending = document("db", "migrate", "--dry-run")["pending"]
    assert document("db", "status")["migrations"]["pending"] == list(pending)
    assert list(document("db", "migrate")["seconds"]) == list(pending)
    assert "nothing is pending" in medianest("db", "migrate", "--dry-run")[1]
