"""Encrypted columns: what is written is read, by whom it was written for, with a key and not without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import SecretStr

from medianest_models.encryption.keys import KeyRing, envelope_key_id, generate_key, key_ring
from medianest_models.encryption.stored_secrets import StoredSecret
from medianest_models.errors import ConfigurationError, InvalidInputError
from medianest_models.models import Service, User
from medianest_models.testing import a_service, a_user
from tests.models.rows import plaintext, stored

pytestmark = pytest.mark.usefixtures("db")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(text=texts)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_is_read_as_it_was_written(text: str) -> None:
    user = await a_user(plex_token=text)
    service = await a_service(api_key=SecretStr(text))
    read_user, read_service = await User.get(id=user.id), await Service.get(id=service.id)
    for secret in (user.plex_token, read_user.plex_token, service.api_key, read_service.api_key):
        assert isinstance(secret, SecretStr)
        assert secret.get_secret_value() == text


async def test_none_is_null() -> None:
    user = await a_user(plex_token=None)
    assert user.plex_token is None
    assert (await User.get(id=user.id)).plex_token is None
    user.plex_token = "secret"
    await user.save()
    user.plex_token = None
    await user.save()
    assert await stored(user, "plex_token") is None


@pytest.mark.parametrize("text", ["v1.0123456789abcdef.AAAA", "own"])
async def test_a_text_that_looks_like_an_envelope_is_a_plaintext(text: str) -> None:
    victim = await a_user(plex_token="the victim's")
    if text == "own":
        text = await stored(victim, "plex_token")
    for user in (
        await a_user(plex_token=text),
        await a_user(plex_token=SecretStr(text)),
        (await User.update_or_create(plex_id=victim.plex_id, defaults={"plex_token": text}))[0],
        (await User.get_or_create(plex_id="new", defaults={"plex_username": "x", "plex_token": text}))[0],
    ):
        assert plaintext((await User.get(id=user.id)).plex_token) == text
        assert await stored(user, "plex_token") != text


@pytest.mark.parametrize("value", [1, b"canary", True, 1.5, ["canary"], {}])
async def test_what_is_no_text_is_refused(value: Any) -> None:
    for assign in (
        lambda: User(plex_id="x", plex_username="x", plex_token=value),
        lambda: User().update_from_dict({"plex_token": value}),
        lambda: setattr(User(), "plex_token", value),
    ):
        with pytest.raises(
            InvalidInputError, match=rf"^users\.plex_token: must be a text, not {type(value).__name__}$"
        ):
            assign()
    with pytest.raises(InvalidInputError, match=r"^users\.plex_token: must be a text, not ") as raised:
        await a_user(plex_token=SecretStr(value))
    assert "canary" not in str(raised.value)


async def test_a_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^users\.plex_token: the text is not valid Unicode$"):
        await a_user(plex_token="\ud800")


async def test_another_row_s_secret_can_be_assigned() -> None:
    anna = await a_user(plex_token="Anna's")
    ben = await a_user()
    ben.plex_token = (await User.get(id=anna.id)).plex_token
    await ben.save()
    assert plaintext((await User.get(id=ben.id)).plex_token) == "Anna's"
    assert await stored(ben, "plex_token") != await stored(anna, "plex_token")


async def test_a_key_is_not_needed_for_other_columns(use_keys: Callable[..., None]) -> None:
    user = await a_user(plex_token="secret")
    service = await a_service(api_key="key", config_data={"password": "pass", "host": "h"})
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
    await a_user(plex_token=None)


async def test_a_key_is_needed_for_a_secret(use_keys: Callable[..., None]) -> None:
    user = await a_user(plex_token="secret")
    use_keys()
    read = await User.get(id=user.id)
    assert read.plex_token is not None
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: not set"):
        read.plex_token.get_secret_value()
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: not set"):
        await a_user(plex_token="secret")


async def test_an_old_key_goes_on_reading(use_keys: Callable[..., None], new_key: str) -> None:
    old_key = generate_key().get_secret_value()
    use_keys(old_key)
    old_id = key_ring().newest_id
    user = await a_user(plex_token="secret")
    use_keys(new_key, old_key)
    read = await User.get(id=user.id)
    assert plaintext(read.plex_token) == "secret"
    await read.save()
    assert envelope_key_id(await stored(user, "plex_token")) == old_id
    read.plex_token = "changed"
    await read.save()
    assert envelope_key_id(await stored(user, "plex_token")) == KeyRing.parse([SecretStr(new_key)]).newest_id
