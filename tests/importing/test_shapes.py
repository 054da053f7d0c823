"""Both shapes come whole: each row is in our tables as they need it, or in the report with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from os import urandom
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from medianest_models.db.statements import fetch, fetch_one
from medianest_models.errors import PasswordChangeRequiredError
from medianest_models.importing import ImportReport, import_prisma
from medianest_models.models import LocalCredential, MediaRequest, Service, SystemConfig, User, YouTubeDownload
from medianest_models.repositories import services, sessions, system_config, users
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from tests.importing.sources import ANN, HASH, KEY, PASSWORD, ROWS_OF_S, ROWS_OF_U, SECRETS, make_source, run_in


def left_out(report: ImportReport) -> dict[str, dict[str, str]]:
    return {
        name: {row.id: row.text for row in table.left_out} for name, table in report.tables.items() if table.left_out
    }


@pytest.mark.parametrize("seeded", [True, False])
async def test_shape_s(fresh_db: DatabaseUrl, *, seeded: bool) -> None:
    if seeded:
        await seed()
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    report = await import_prisma(source, key=KEY)
    assert report.shape == "shape S, the schema of the Prisma setup"
    assert left_out(report) == {
        "media_requests": {"r4": "created_at is empty, or can't be read"},
        "media_request_status_updates": {"u4": "its request did not come"},
        "youtube_downloads": {"d4": "its playlist_url is longer than 2048 characters"},
        "service_status_history": {"c3": "checked_at is empty, or can't be read"},
        "session_tokens": {"s2": "its token_hash is no SHA-256 in hex"},
        "rate_limits": {"l4": "it counts for neither a user nor an address, or for both"},
    }
    ann, bob, cee = [await users.find_by_plex_id(plex_id) for plex_id in ("42", "43", "44")]
    assert ann is not None
    assert bob is not None
    assert cee is not None
    assert str(ann.id) == ANN
    assert (ann.role, ann.email, ann.created_at) == ("admin", "Ann@x.org", datetime(2024, 5, 1, 12, tzinfo=UTC))
    assert ann.plex_token is not None
    assert ann.plex_token.get_secret_value() == "plex-token-twice"
    assert (cee.plex_username, cee.email) == (ANN.replace("1", "A", 1), None)
    assert cee.plex_token is not None
    assert cee.plex_token.get_secret_value() == "plain-token"
    titles = [(row.title, row.status, row.user_id) for row in await MediaRequest.all().order_by("created_at")]
    assert titles == [("Old", "available", ann.id), ("Dune", "pending", bob.id), ("Dune", "failed", bob.id)]
    downloads = await YouTubeDownload.all().order_by("created_at", "progress")
    assert [(row.status, row.progress) for row in downloads] == [("queued", 30), ("failed", 0), ("completed", 100)]
    assert "Another download" in (downloads[1].error_message or "")
    assert downloads[2].file_paths == ["/a", "/b"]
    plex = await services.get("plex")
    assert plex.display_name == "Plex"
    assert plex.api_key is not None
    assert plex.api_key.get_secret_value() == "overseerr-key"
    assert plex.config_data["n"] == 1
    assert plex.config_data["password"].get_secret_value() == "the password of a service"
    checks = await fetch("SELECT s.name, h.* FROM service_status_history AS h JOIN services AS s ON s.id = service_id")
    assert {(row["name"], row["status"], row["response_time_ms"]) for row in checks} == {
        ("plex", "up", 12),
        ("sonarr", "down", 0),
    }
    session = await sessions.verify("a token of the source")
    assert session.user_id == bob.id
    counted = await fetch("SELECT user_id, ip_address, request_count FROM rate_limits")
    assert {tuple(row) for row in counted} == {(bob.id, None, 3), (None, "1.2.3.4", 5)}
    logs = await fetch("SELECT user_id, entity_id FROM activity_logs ORDER BY action DESC")
    dune = await MediaRequest.get(status="pending")
    assert {tuple(row) for row in logs} == {(bob.id, str(dune.id)), (None, ANN)}
    await seed()
    changed = await SystemConfig.get(key="youtube.concurrent_downloads")
    assert (changed.value, changed.updated_by_id) == ({"max": 9}, bob.id)
    same = await SystemConfig.get(key="rate_limit.api.default")
    assert (same.customized_at, same.description) == (None, "Default API rate limit per minute")


async def test_shape_u(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    report = await import_prisma(source, key=KEY)
    assert report.shape.startswith("shape U, of KingInYellow18/medianest; with accounts")
    assert report.not_copied["accounts"] == 1
    assert left_out(report) == {"media_requests": {"r4": "its status is unknown"}}
    admin = await User.get(plex_id="local:admin@x.org")
    assert (admin.plex_username, admin.role) == ("Admin", "admin")
    with pytest.raises(PasswordChangeRequiredError):
        await users.authenticate("admin@x.org", password=PASSWORD)
    ann, x = await User.get(plex_id="42"), await User.get(plex_id="43")
    assert (ann.status, ann.email, x.status, x.plex_username) == ("suspended", None, "active", "x@y")
    assert [user.plex_token.get_secret_value() for user in (ann, x) if user.plex_token] == [
        "plex-token-once",
        "plex-token-upper",
    ]
    requests = {str(row.status): row for row in await MediaRequest.filter(media_type="movie", title__startswith="x")}
    assert requests.keys() == {"approved"}
    assert len(requests["approved"].title) == 500
    assert requests["approved"].request_data == {"imported": {"title": "x" * 600}}
    assert await MediaRequest.filter(status="failed").count() == 2
    assert await MediaRequest.filter(status="available", media_type="tv").count() == 1
    done, gone = await YouTubeDownload.all().order_by("-status")
    assert (gone.status, done.status) == ("completed", "failed")
    assert (gone.file_paths, gone.progress, gone.metadata["imported"]["file_paths"]["quality"]) == (["/a"], 100, "hd")
    assert (done.file_paths, done.error_message) == (None, "gone")
    names = {service.name: service for service in await Service.all()}
    assert names.keys() == {"plex", "tautulli", "new"}
    statuses = {latest.service: latest.check and latest.check.status for latest in await services.latest_statuses()}
    assert statuses == {"plex": "up", "tautulli": "down", "new": None}
    assert (await sessions.verify("a token of the source")).user_id == x.id
    (counter,) = await fetch("SELECT request_count FROM rate_limits")
    assert counter["request_count"] == 7


async def test_a_password_of_the_source_is_hashed_anew_at_the_first_sign_in(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    await run_in(source, "UPDATE users SET requires_password_change = false")
    await import_prisma(source, key=KEY)
    for _ in range(2):
        user = await users.authenticate("admin@x.org", password=PASSWORD)
        assert user.plex_username == "Admin"
        credential = await LocalCredential.get(user_id=user.id)
        assert credential.password_hash.get_secret_value().startswith("$argon2id$")


async def test_instants_are_utc_whatever_the_zone_of_the_session_and_of_the_option(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db, "u", "INSERT INTO users (id, email, created_at) VALUES ('a', 'a', '2024-07-01')"
    )
    await run_in(source, f"ALTER ROLE CURRENT_USER IN DATABASE {fresh_db.database} SET TimeZone = 'America/New_York'")
    await import_prisma(source, zone="Europe/Berlin")
    row = await fetch_one("SELECT created_at FROM users")
    assert row is not None
    assert row["created_at"] == datetime(2024, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("password_hash", "email"),
    [("no hash", "a@b"), (HASH, "x" * 101), (HASH.replace("$2b$10$", "$2b$1x$"), "a@b"), (HASH + "x", "a@b")],
)
async def test_who_cannot_sign_in_any_more_is_named(fresh_db: DatabaseUrl, password_hash: str, email: str) -> None:
    rows = f"INSERT INTO users (id, email, password_hash) VALUES ('a', '{email}', '{password_hash}')"
    report = await import_prisma(await make_source(fresh_db, "u", rows))
    assert await LocalCredential.all().count() == 0
    assert [row.id for row in report.tables["users"].changed] == ["a"]
    assert "a new password is needed" in report.tables["users"].changed[0].text


async def test_a_user_comes_whatever_is_wrong_with_them(fresh_db: DatabaseUrl) -> None:
    rows = [
        ("a", "repeat('p', 300)", "'a@b'"),
        ("b", "'local:b@c'", "repeat('e', 300)"),
        ("c", "NULL", "'b@c'"),  # whose plex_id would be b's
        ("d", "''", "repeat('l', 254)"),
    ]
    values = ", ".join(f"('{id_}', {plex_id}, {email}, '-infinity', '')" for id_, plex_id, email in rows)
    source = await make_source(
        fresh_db, "u", f"INSERT INTO users (id, plex_id, email, created_at, status) VALUES {values}"
    )
    report = await import_prisma(source)
    assert report.complete
    assert await User.all().count() == len(rows)
    assert {row.id for row in report.tables["users"].changed} == {"a", "b", "c", "d"}


async def test_what_is_too_long_is_cut_and_kept_whole(fresh_db: DatabaseUrl) -> None:
    rows: list[Any] = [
        "INSERT INTO users (id, email) VALUES ('u', 'u')",
        """INSERT INTO media_requests (id, user_id, title, media_type, tmdb_id, overseerr_id)
            VALUES ('r', 'u', repeat('t', 501), repeat('m', 51), repeat('d', 101), repeat('o', 256))""",
        """INSERT INTO youtube_downloads (id, user_id, playlist_url, playlist_title, plex_collection_id)
            VALUES ('d', 'u', 'https://y', repeat('t', 501), repeat('c', 256))""",
    ]
    assert (await import_prisma(await make_source(fresh_db, "u", *rows))).complete
    request, download = await MediaRequest.get(), await YouTubeDownload.get()
    assert (request.title, request.media_type, request.tmdb_id, request.overseerr_id) == (
        "t" * 500,
        "m" * 50,
        None,
        None,
    )
    assert request.request_data["imported"] == {
        "title": "t" * 501,
        "media_type": "m" * 51,
        "tmdb_id": "d" * 101,
        "overseerr_id": "o" * 256,
    }
    assert (download.playlist_title, download.plex_collection_id) == ("t" * 500, None)
    assert download.metadata["imported"] == {"playlist_title": "t" * 501, "plex_collection_id": "c" * 256}


async def test_a_source_without_foreign_keys_and_some_tables(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await run_in(
        source,
        """
        ALTER TABLE media_requests DROP CONSTRAINT "media_requests_userId_fkey";
        ALTER TABLE media_request_status_updates DROP CONSTRAINT "media_request_status_updates_requestId_fkey";
        ALTER TABLE rate_limits DROP CONSTRAINT "rate_limits_userId_fkey";
        DROP TABLE system_config; CREATE TABLE monitor_visibility (id int);
        INSERT INTO media_requests ("id", "userId", "title", "mediaType") VALUES ('o', 'nobody', 'x', 'movie');
        INSERT INTO media_request_status_updates VALUES ('o', 'nothing', 'pending', NULL, '2024-05-02');
        INSERT INTO rate_limits ("id", "userId", "endpoint") VALUES ('o', 'nobody', 'a');
        """,
    )
    report = await import_prisma(source, key=KEY)
    assert report.shape.endswith("; without system_config; with monitor_visibility")
    assert report.not_copied == {"monitor_visibility": 0}
    found = left_out(report)
    assert found["media_requests"]["o"] == "its user does not exist"
    assert found["media_request_status_updates"]["o"] == "its request does not exist"
    assert found["rate_limits"]["o"] == "its user does not exist"


async def test_requests_without_a_title_of_tmdb_stay_open(fresh_db: DatabaseUrl) -> None:
    rows = """INSERT INTO users (id, email) VALUES ('u', 'u');
        INSERT INTO media_requests (id, user_id, title, media_type, tmdb_id)
        VALUES ('a', 'u', 'One', 'movie', ''), ('b', 'u', 'Two', 'movie', '')"""
    await import_prisma(await make_source(fresh_db, "u", rows))
    assert await MediaRequest.filter(status="pending", tmdb_id=None).count() == 2


async def test_what_our_documents_would_show_stays_encrypted(fresh_db: DatabaseUrl) -> None:
    document = json.dumps(
        {"note": SECRETS["once"], "token": SECRETS["once"], "password": SECRETS["another"], "n": "me"}
    )
    rows = f"INSERT INTO service_config (service_name, service_url, config_data) VALUES ('x', 'http://x', '{document}')"
    report = await import_prisma(await make_source(fresh_db, "u", rows), key=KEY)
    found = (await services.get("x")).config_data
    assert found["token"].get_secret_value() == "plex-token-once"
    assert (found["note"], found["password"], found["n"]) == (SECRETS["once"], None, "me")
    assert [row.text for row in report.tables["services"].incomplete] == [
        "can't be decrypted with SOURCE_ENCRYPTION_KEY, left empty: config_data.password"
    ]


async def test_odd_documents_stop_nothing(fresh_db: DatabaseUrl) -> None:
    deep = "[" * 5000 + "]" * 5000
    rows = [
        "INSERT INTO users (id, email, plex_token) VALUES ('u', 'u', '{')",
        f"INSERT INTO youtube_downloads (id, user_id, playlist_url, file_paths) VALUES ('d', 'u', 'x', '{deep}')",
        f"""INSERT INTO service_config (service_name, service_url, config_data) VALUES
            ('deep', 'http://a', '{deep}'), ('text', 'http://b', '"a text"'), ('null', 'http://c', 'null')""",
    ]
    report = await import_prisma(await make_source(fresh_db, "u", *rows))
    assert left_out(report) == {"youtube_downloads": {"d": "a JSON document of it is nested too deep"}}
    assert [(row.id, row.text) for row in report.tables["services"].changed] == [
        ("deep", "config_data: is nested too deep, left empty")
    ]
    found = {service.name: service.config_data for service in await Service.filter(name__in=["deep", "text", "null"])}
    assert found == {"deep": None, "text": "a text", "null": None}
    user = await User.get()
    assert user.plex_token is not None
    assert user.plex_token.get_secret_value() == "{"


@pytest.mark.parametrize(("shape", "rows"), [("s", ROWS_OF_S), ("u", ROWS_OF_U)])
async def test_a_schema_with_capital_letters(fresh_db: DatabaseUrl, shape: str, rows: str) -> None:
    source = await make_source(fresh_db, shape, rows, schema="Old-Portal")
    report = await import_prisma(DatabaseUrl.parse(source.render().get_secret_value()), key=KEY)
    assert report.source.endswith("(schema Old-Portal)")
    assert report.tables["users"].new == 3


async def test_a_setting_of_another_form_leaves_ours_alone(fresh_db: DatabaseUrl) -> None:
    await seed()
    deep = "[" * 202 + "]" * 202
    rows = f"""INSERT INTO system_config (key, value, "updatedAt") VALUES
        ('youtube.concurrent_downloads', '3', now()), ('session.remember_me_days', 'null', now()),
        ('rate_limit.own', '{{"limit": 0, "window": 60}}', now()),
        ('rate_limit.right', '{{"limit": 1, "window": 1}}', now()),
        ('deep', '{deep}', now())"""
    report = await import_prisma(await make_source(fresh_db, "s", rows))
    a_limit = "its value must hold limit (1 to 2147483647) and window (1 to 86400) in whole numbers, and nothing else"
    assert left_out(report)["system_config"] == {
        "youtube.concurrent_downloads": "its value must hold max (1 to 2147483647) in whole numbers, and nothing else",
        "session.remember_me_days": "its value must hold days (1 to 36500) in whole numbers, and nothing else",
        "rate_limit.own": a_limit,
        "deep": "a JSON document of it is nested too deep",
    }
    assert (await system_config.concurrent_downloads(), await system_config.remember_me_days()) == (3, 90)
    assert (await system_config.rate_limit("own")).limit == 100
    assert (await system_config.rate_limit("right")).limit == 1


@pytest.mark.parametrize("levels", [202, 253, 900])
async def test_documents_that_could_not_be_read_here(fresh_db: DatabaseUrl, levels: int) -> None:
    deep = "[" * levels + "]" * levels
    rows = f"""INSERT INTO users ("id", "plexId", "plexUsername") VALUES ('u', '1', 'u');
        INSERT INTO media_requests ("id", "userId", "title", "mediaType", "requestData") VALUES
            ('r', 'u', 't', 'movie', '{deep}'), ('s', 'u', 't', 'movie', '[1]');
        INSERT INTO youtube_downloads ("id", "userId", "playlistUrl", "metadata") VALUES ('d', 'u', 'x', '{deep}');
        INSERT INTO activity_logs ("id", "action", "metadata") VALUES ('a', 'x', '{deep}');
        INSERT INTO services ("id", "name", "displayName", "configData", "updatedAt")
            VALUES (1, 'deep', 'd', '{deep}', now()), (2, 'edge', 'd', '{"[" * 201 + "]" * 201}', now())"""
    report = await import_prisma(await make_source(fresh_db, "s", rows))
    why = "a JSON document of it is nested too deep"
    assert left_out(report) == {
        "media_requests": {"r": why},
        "youtube_downloads": {"d": why},
        "activity_logs": {"a": why},
    }
    assert [row.text for row in report.tables["services"].changed] == ["config_data: is nested too deep, left empty"]
    assert (await services.get("deep")).config_data is None
    assert (await services.get("edge")).config_data is not None
    assert (await MediaRequest.get()).request_data == [1]


async def test_a_playlist_url_that_no_index_holds_is_left_out(fresh_db: DatabaseUrl) -> None:
    """A URL of few characters and many bytes, which can't be compressed."""
    letters = Random(1)  # noqa: S311 - the same in each run
    longest, longer = ("".join(chr(letters.randrange(0x80, 0x800)) for _ in range(size)) for size in (1_338, 1_339))
    rows = f"""INSERT INTO users (id, email) VALUES ('u', 'u');
        INSERT INTO youtube_downloads (id, user_id, playlist_url, status) VALUES
            ('a', 'u', '{longest}', 'queued'), ('b', 'u', '{longer}', 'queued'), ('c', 'u', 'x', 'queued')"""
    report = await import_prisma(await make_source(fresh_db, "u", rows))
    assert left_out(report) == {"youtube_downloads": {"b": "its playlist_url is longer than 2676 bytes"}}
    assert await YouTubeDownload.all().count() == 2


async def test_a_secret_is_decrypted_however_often_it_was_encrypted(fresh_db: DatabaseUrl) -> None:
    text, layers = "a token", []
    for _ in range(6):
        salt, iv = urandom(32), urandom(16)
        key = Scrypt(salt=salt, length=32, n=16384, r=8, p=1).derive(KEY.get_secret_value().encode())
        sealed = AESGCM(key).encrypt(iv, text.encode(), None)
        text = ":".join(part.hex() for part in (sealed[:-16], iv, sealed[-16:], salt))
        layers.append(text)
    people = ", ".join(f"('{number}', '{number}', '{token}')" for number, token in enumerate(layers))
    source = await make_source(fresh_db, "u", f"INSERT INTO users (id, email, plex_token) VALUES {people}")
    assert (await import_prisma(source, key=KEY)).complete
    tokens = [user.plex_token.get_secret_value() for user in await User.all() if user.plex_token]
    assert tokens == ["a token"] * len(layers)
