"""Decrypting every secret, to see whether the present keys and the rows fit together."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from medianest_models.encryption.encrypted_rows import SecretsReport, UnreadableSecrets, check_secrets
from medianest_models.encryption.keys import key_ring
from medianest_models.errors import ConfigurationError
from medianest_models.models import Service, User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing import a_service, a_user
from medianest_models.testing.servers import ENCRYPTION_KEY
from tests.models.rows import store, stored


async def fill() -> tuple[User, User, Service]:
    first = await a_user(plex_token="token 1")
    second = await a_user(plex_token="token 2")
    service = await a_service(api_key="api", config_data={"a": [{"password": "p"}], "plain": 1})
    await a_service(config_data={"plain": 1})
    await a_user(plex_token=None)
    return first, second, service


async def test_all_of_them_decrypt(db: DatabaseUrl, use_keys: Callable[..., None], new_key: str) -> None:
    await fill()
    assert await check_secrets() == SecretsReport(5, ())
    use_keys(new_key, ENCRYPTION_KEY)
    assert await check_secrets() == SecretsReport(5, ())


async def test_under_another_key_none_does(db: DatabaseUrl, use_keys: Callable[..., None], new_key: str) -> None:
    first, second, service = await fill()
    old = key_ring().newest_id
    use_keys(new_key)
    missing = f"encrypted under key {old}, which is not in ENCRYPTION_KEYS"
    report = await check_secrets()
    assert report.rows == 5
    assert {(found.column, found.reason, found.rows) for found in report.unreadable} == {
        ("users.plex_token", f"users.plex_token: {missing}", 2),
        ("services.api_key", f"services.api_key: {missing}", 1),
        ("services.config_data", f'services.config_data["a"][0]["password"]: {missing}', 1),
    }
    ids = {found.column: found.first_id for found in report.unreadable}
    assert ids["users.plex_token"] == str(min(first.id, second.id))
    assert ids["services.api_key"] == str(service.id)
    use_keys()
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEYS"):
        await check_secrets()


async def test_one_that_was_moved_or_overwritten_is_named(db: DatabaseUrl) -> None:
    first, second, service = await fill()
    await store(first, "plex_token", await stored(second, "plex_token"))
    await store(second, "plex_token", "by hand")
    await store(service, "config_data", '{"token":' * 300 + "1" + "}" * 300)
    assert set((await check_secrets()).unreadable) == {
        UnreadableSecrets(
            "users.plex_token",
            "users.plex_token: the ciphertext was altered or belongs to another row",
            1,
            str(first.id),
        ),
        UnreadableSecrets(
            "users.plex_token", "users.plex_token: what is stored is not an encrypted value", 1, str(second.id)
        ),
        UnreadableSecrets(
            "services.config_data", "services.config_data: what is stored can't be read", 1, str(service.id)
        ),
    }
    await store(service, "config_data", json.dumps({"smtp_pass": "of a release that did not encrypt it"}))
    assert {found.column for found in (await check_secrets()).unreadable} == {"users.plex_token"}
