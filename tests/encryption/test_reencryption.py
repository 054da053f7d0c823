"""Re-encryption of all secrets with the newest key."""

from __future__ import annotations

import asyncio
import contextvars
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.encryption.encrypted_rows import BATCH_SIZE
from medianest_models.encryption.keys import generate_key, key_ring
from medianest_models.encryption.reencryption import KeyUse, RotationReport, key_uses, rotate_secrets
from medianest_models.errors import InvalidInputError
from medianest_models.models import Service, User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing import a_service, a_user
from medianest_models.testing.servers import ENCRYPTION_KEY
from tests.commands import PROGRAM, document, medianest
from tests.locks import someone_waits_for_a_lock, until
from tests.models.rows import store, stored

USERS = 300


async def fill(users: int = USERS) -> None:
    await User.bulk_create(
        User(plex_id=str(number), plex_username="ann", plex_token=f"token {number}") for number in range(users)
    )
    await User.create(plex_id="without", plex_username="bob")
    await Service.create(
        name="plex", display_name="Plex", api_key="api", config_data={"a": [{"password": "p"}], "tokens": ["t", 5]}
    )
    await Service.create(name="other", display_name="Other", config_data={"plain": 1})


async def read_all() -> None:
    for user in await User.exclude(plex_id="without"):
        assert user.plex_token is not None
        assert user.plex_token.get_secret_value() == f"token {user.plex_id}"
    service = await Service.get(name="plex")
    assert service.api_key is not None
    assert service.api_key.get_secret_value() == "api"
    document = service.config_data
    assert document["a"][0]["password"].get_secret_value() == "p"
    assert [secret.get_secret_value() for secret in document["tokens"]] == ["t", "5"]


async def test_afterwards_the_old_key_can_be_removed(
    db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    await fill()
    use_keys(new_key, ENCRYPTION_KEY)
    await read_all()
    assert {use_.is_newest for use_ in await key_uses()} == {False}
    batches: list[int] = []
    report = await rotate_secrets(batch_size=100, progress=batches.append)
    assert (report.rotated, report.skipped, report.failed) == (USERS + 2, 0, {})
    assert sorted(batches) == [1, 1, 100, 100, 100]
    use_keys(new_key)
    await read_all()
    newest = key_ring().newest_id
    assert {use_.column: use_ for use_ in await key_uses()} == {
        column: KeyUse(column, newest, rows, is_newest=True)
        for column, rows in (("users.plex_token", USERS), ("services.api_key", 1), ("services.config_data", 1))
    }
    assert (await rotate_secrets()).rotated == 0


@pytest.mark.parametrize("batch_size", [1, 2, 100])
async def test_what_the_database_refuses_is_left_and_named(
    fresh_db: DatabaseUrl, use_keys: Callable[..., None], new_key: str, batch_size: int
) -> None:
    await fill(4)
    bad = await User.get(plex_id="1")
    await execute("ALTER TABLE users DROP CONSTRAINT ck_users_created_at")
    await execute("UPDATE users SET created_at = '-infinity' WHERE plex_id = '1'")
    await execute("ALTER TABLE users ADD CONSTRAINT ck_users_created_at CHECK (isfinite(created_at)) NOT VALID")
    use_keys(new_key, ENCRYPTION_KEY)
    failed = {"users.plex_token": [str(bad.id)]}
    assert await rotate_secrets(batch_size=batch_size) == RotationReport(5, 0, failed)
    assert await rotate_secrets(batch_size=batch_size) == RotationReport(0, 0, failed)
    status, _, errors = medianest("secrets", "rotate")
    assert (status, f"were left as they are: users.plex_token of id {bad.id}" in errors) == (1, True)


LOOKS_LIKE_ONE = "v1.0123456789abcdef.abc"


async def test_what_only_looks_like_an_envelope_is_left_alone(
    db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    service = await a_service(
        display_name=LOOKS_LIKE_ONE, config_data={"host": LOOKS_LIKE_ONE, "note": f"({LOOKS_LIKE_ONE})", "token": "t"}
    )
    use_keys(new_key, ENCRYPTION_KEY)
    before = await stored(service, "config_data")
    assert (await rotate_secrets()).rotated == 1
    (use_,) = await key_uses()
    assert (use_.key_id, use_.rows) == (key_ring().newest_id, 1)
    after = await stored(service, "config_data")
    assert after.replace(orjson.loads(after)["token"], orjson.loads(before)["token"]) == before
    assert await rotate_secrets() == RotationReport(0, 0, {})


async def test_one_that_can_t_be_decrypted_is_named_each_time_and_ends_nothing(
    db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    by_hand, deep, other = [await a_service(config_data={"token": "t"}) for _ in range(3)]
    user = await a_user()
    await store(user, "plex_token", "by hand")
    await store(by_hand, "config_data", json.dumps({"token": LOOKS_LIKE_ONE}))
    await store(deep, "config_data", '{"token":' * 300 + "1" + "}" * 300)
    use_keys(new_key, ENCRYPTION_KEY)
    failed = {"users.plex_token": [str(user.id)], "services.config_data": [str(by_hand.id), str(deep.id)]}
    assert await rotate_secrets() == RotationReport(1, 0, failed)
    assert await rotate_secrets() == RotationReport(0, 0, failed)
    newest = key_ring().newest_id
    assert {(use_.column, use_.key_id, use_.rows) for use_ in await key_uses()} == {
        ("users.plex_token", None, 1),
        ("services.config_data", "0123456789abcdef", 1),
        ("services.config_data", None, 1),
        ("services.config_data", newest, 1),
    }
    assert (await Service.get(id=other.id)).config_data["token"].get_secret_value() == "t"
    with pytest.raises(InvalidInputError, match="batch_size"):
        await rotate_secrets(batch_size=0)


async def test_what_was_stored_before_its_key_named_a_secret_is_encrypted(db: DatabaseUrl) -> None:
    service = await a_service()
    await store(service, "config_data", json.dumps({"smtp_pass": "plain", "auth": [5, None], "far": 10**400}))
    (use_,) = await key_uses()
    assert (use_.key_id, use_.rows, use_.is_newest) == (None, 1, False)
    assert await rotate_secrets() == RotationReport(1, 0, {})
    text = await stored(service, "config_data")
    assert "plain" not in text
    assert str(10**400) in text
    read = (await Service.get(id=service.id)).config_data
    assert (read["smtp_pass"].get_secret_value(), read["auth"][0].get_secret_value()) == ("plain", "5")
    assert [use_.is_newest for use_ in await key_uses()] == [True]


async def test_a_write_in_the_middle_is_not_overwritten_with_the_older_value(
    fresh_db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    await fill(3)
    use_keys(new_key, ENCRYPTION_KEY)
    user = await User.get(plex_id="1")
    async with transaction():
        user.plex_token = "newer"
        await user.save(update_fields=["plex_token"])
        # It has read the older value, and waits for this transaction before it writes that value with the newest key.
        rotation = asyncio.create_task(rotate_secrets(), context=contextvars.Context())
        await until(someone_waits_for_a_lock)
    report = await rotation
    assert (report.rotated, report.skipped) == (4, 1)
    token = (await User.get(plex_id="1")).plex_token
    assert token is not None
    assert token.get_secret_value() == "newer"


@pytest.mark.parametrize("interruptions", [(signal.SIGINT, signal.SIGKILL)])
async def test_it_is_stopped_twice_and_goes_on_while_others_write(
    fresh_db: DatabaseUrl, use_keys: Callable[..., None], new_key: str, interruptions: tuple[signal.Signals, ...]
) -> None:
    await fill(3 * BATCH_SIZE)
    use_keys(new_key, ENCRYPTION_KEY)
    async with writing() as newest:
        await interrupt_rotations(interruptions)
        assert medianest("secrets", "rotate")[0] == 0
    use_keys(new_key)
    assert all(use_.is_newest for use_ in await key_uses())
    assert newest
    for user in await User.exclude(plex_id="without"):
        assert user.plex_token is not None
        assert user.plex_token.get_secret_value() == newest.get(user.plex_id, f"token {user.plex_id}")


async def interrupt_rotations(interruptions: tuple[signal.Signals, ...]) -> None:
    """Start rotations one at a time, and end each in the middle of a batch by a signal."""
    for number, interruption in enumerate(interruptions, start=1):
        async with transaction():
            # Locked, so that the rotation stops before the batch with this row.
            await execute(
                "SELECT id FROM users WHERE id = (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET $1) FOR UPDATE",
                number * BATCH_SIZE + BATCH_SIZE // 2,
            )
            rotation = await asyncio.create_subprocess_exec(
                str(PROGRAM), "secrets", "rotate", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            done = number * BATCH_SIZE

            async def is_stuck(done: int = done) -> bool:
                return await rows_under_the_newest_key() >= done and await someone_waits_for_a_lock()

            await until(is_stuck)
            rotation.send_signal(interruption)
            _, errors = await rotation.communicate()
            assert (rotation.returncode, errors.decode()) == {
                signal.SIGINT: (130, "Stopped.\n"),
                signal.SIGKILL: (-signal.SIGKILL, ""),
            }[interruption]
            assert await rows_under_the_newest_key() < 3 * BATCH_SIZE


@asynccontextmanager
async def writing() -> AsyncIterator[dict[str, str]]:
    """Run a worker with both keys; return the values that it wrote last, by plex_id."""
    newest: dict[str, str] = {}
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            user = await User.get(plex_id=str(number % 20))
            user.plex_token = f"newer {number}"
            await user.save(update_fields=["plex_token"])
            newest[user.plex_id] = f"newer {number}"
            number += 1
            await asyncio.sleep(0.005)

    writer = asyncio.create_task(write(), context=contextvars.Context())
    try:
        yield newest
    finally:
        stop.set()
        await writer


async def rows_under_the_newest_key() -> int:
    uses = await key_uses()
    return sum(use_.rows for use_ in uses if use_.is_newest and use_.column == "users.plex_token")


async def test_the_commands_say_what_there_is_and_what_was_done(
    fresh_db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    assert "There are no secrets" in medianest("secrets", "status")[1]
    await fill(3)
    use_keys(new_key, ENCRYPTION_KEY)
    assert {(entry["rows"], entry["is_newest"]) for entry in document("secrets", "status")["uses"]} == {
        (3, False),
        (1, False),
    }
    assert "to be rotated" in medianest("secrets", "status")[1]
    assert document("secrets", "rotate") == {"rotated": 5, "skipped": 0, "failed": {}}
    assert "to be rotated" not in medianest("secrets", "status")[1]
    use_keys(generate_key().get_secret_value())
    status, output, errors = medianest("secrets", "rotate")
    assert status == 1
    assert "users.plex_token of id" in errors
    assert new_key not in output + errors
    status, output, errors = medianest("secrets", "rotate", "--json")
    assert (status, errors) == (1, "")
    assert set(json.loads(output)["failed"]) == {"users.plex_token", "services.api_key", "services.config_data"}


async def test_the_status_fails_where_a_secret_can_t_be_decrypted(
    fresh_db: DatabaseUrl, use_keys: Callable[..., None], new_key: str
) -> None:
    await fill(3)
    old = key_ring().newest_id
    first = min(user.id for user in await User.exclude(plex_id="without"))
    assert document("secrets", "status")["unreadable"] == []

    use_keys(new_key)
    status, output, errors = medianest("secrets", "status")
    assert (status, errors) == (1, "")
    missing = f"users.plex_token: encrypted under key {old}, which is not in ENCRYPTION_KEYS"
    assert f"{missing} (rows: 3, id of the first: {first})" in output
    assert "(not in ENCRYPTION_KEYS)" in output
    assert "to be rotated" not in output
    status, output, errors = medianest("secrets", "status", "--json")
    assert (status, errors) == (1, "")
    said = json.loads(output)
    assert said["ok"] is False
    assert {"column": "users.plex_token", "reason": missing, "rows": 3, "first_id": str(first)} in said["unreadable"]

    use_keys(new_key, ENCRYPTION_KEY)
    await rotate_secrets()
    user, other = await User.exclude(plex_id="without").order_by("id").limit(2)
    await store(user, "plex_token", await stored(other, "plex_token"))  # the right key, in another row
    status, output, _ = medianest("secrets", "status")
    assert status == 1
    assert f"belongs to another row (rows: 1, id of the first: {user.id})" in output
