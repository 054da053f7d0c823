"""An encryption key is needed when a secret is read or written, and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medianest_models.encryption.keys import KeyRing, envelope_key_id, generate_key, key_ring
from medianest_models.encryption.stored_secrets import StoredSecret
from medianest_models.errors import ConfigurationError, DecryptionError
from medianest_models.models import Service, User
from tests.models.rows import make_service, make_user, plaintext, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

pytestmark = pytest.mark.usefixtures("db")


async def test_not_for_other_columns(use_keys: Callable[..., None]) -> None:
    user = await make_user(plex_token="secret")
    service = await make_service(api_key="key", config_data={"password": "pass", "host": "h"})
    before = [await stored(user, "plex_token"), await stored(service, "config_data")]
    use_keys()
    read = await User.get(id=user.id)
    read.email = "anna@example.org"
    await read.save()
    assert isinstance(read.plex_token, StoredSecret)
    await read.save()
    read_service = await Service.get(id=service.id)
    assert read_service.config_data["host"] == "h"
    read_service.config_data["host"] = "i"
    await read_service.save()
    assert [await stored(user, "plex_token")] == before[:1]
    assert (await stored(service, "config_data")) == before[1].replace('"h"', '"i"')
    assert (await User.get(id=user.id)).email == "anna@example.org"
    await make_user(plex_token=None)


async def test_for_a_secret_it_is(use_keys: Callable[..., None]) -> None:
    user = await make_user(plex_token="secret")
    use_keys()
    read = await User.get(id=user.id)
    assert read.plex_token is not None
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: not set"):
        read.plex_token.get_secret_value()
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: not set"):
        await make_user(plex_token="secret")


async def test_an_old_key_goes_on_reading(use_keys: Callable[..., None], new_key: SecretStr) -> None:
    old_key = generate_key()
    use_keys(old_key)
    old_id = key_ring().newest_id
    user = await make_user(plex_token="secret")
    use_keys(new_key, old_key)
    read = await User.get(id=user.id)
    assert plaintext(read.plex_token) == "secret"
    await read.save()
    assert envelope_key_id(await stored(user, "plex_token")) == old_id
    read.plex_token = "changed"
    await read.save()
    assert envelope_key_id(await stored(user, "plex_token")) == KeyRing.parse([new_key]).newest_id


async def test_a_missing_one_is_named_by_its_id(use_keys: Callable[..., None], new_key: SecretStr) -> None:
    user = await make_user(plex_token="secret")
    old_id = key_ring().newest_id
    use_keys(new_key)
    secret = (await User.get(id=user.id)).plex_token
    assert secret is not None
    with pytest.raises(DecryptionError, match=f"encrypted under key {old_id}, which is not in ENCRYPTION_KEYS"):
        secret.get_secret_value()
