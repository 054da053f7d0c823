"""Pickles and copies of instances contain no plaintext and no hash."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import SecretStr
from tortoise.exceptions import IncompleteInstanceError

from medianest_models.errors import SecretFieldError
from medianest_models.models import LocalCredential, Service, SessionToken, User
from medianest_models.testing import a_local_credential, a_service, a_session_token, a_user
from tests.models.rows import plaintext

pytestmark = pytest.mark.usefixtures("db")

PASSWORD_HASH = "$argon2id$canary"


@pytest.fixture(params=range(pickle.HIGHEST_PROTOCOL + 1))
def protocol(request: pytest.FixtureRequest) -> int:
    """Return each of pickle's protocols."""
    return int(request.param)


def through_pickle(instance: Any, protocol: int) -> Any:
    data = pickle.dumps(instance, protocol)
    for text in (b"canary", bytes(PASSWORD_HASH, "ascii")):
        assert text not in data
    return pickle.loads(data)  # noqa: S301 - our own


async def test_a_user_s_token_travels_as_ciphertext(protocol: int) -> None:
    made = await a_user(plex_token="canary")
    for user in (made, await User.get(id=made.id)):
        twin = through_pickle(user, protocol)
        assert twin == user
        assert dict(twin) == dict(user)
        assert plaintext(twin.plex_token) == "canary"
        twin.email = "anna@example.org"
        await twin.save()
    assert plaintext((await User.get(id=made.id)).plex_token) == "canary"


async def test_a_service_s_secrets_travel_as_ciphertext(protocol: int) -> None:
    made = await a_service(api_key="canary", config_data={"a": [{"password": "canary", "n": 1}]})
    for service in (made, await Service.get(id=made.id)):
        twin = through_pickle(service, protocol)
        assert plaintext(twin.api_key) == "canary"
        assert twin.config_data["a"][0]["password"].get_secret_value() == "canary"
        assert twin.config_data["a"][0]["n"] == 1


@pytest.mark.parametrize("read_before", [True, False])
async def test_a_hash_does_not_travel(protocol: int, read_before: bool) -> None:  # noqa: FBT001 - a parameter
    user = await a_user()
    session: Any = await a_session_token(user=user)
    credential: Any = await a_local_credential(user=user, password_hash=PASSWORD_HASH)
    if not read_before:
        session, credential = await SessionToken.get(id=session.id), await LocalCredential.get(id=credential.id)
    hashed = session.token_hash.get_secret_value() if read_before else None
    for instance, name in ((session, "token_hash"), (credential, "password_hash")):
        data = pickle.dumps(instance, protocol)
        assert hashed is None or hashed.encode() not in data
        twin = through_pickle(instance, protocol)
        assert name not in vars(twin)
        assert getattr(instance, name)
        with pytest.raises(AttributeError, match=f"{name} was not fetched"):
            getattr(twin, name)
        with pytest.raises(IncompleteInstanceError):
            await twin.save()
    twin = through_pickle(credential, protocol)
    twin.must_change_password = True
    await twin.save(update_fields=["must_change_password"])
    await twin.refresh_from_db()
    assert twin.password_hash.get_secret_value() == PASSWORD_HASH


@pytest.mark.parametrize("secret", ["canary", SecretStr("canary")])
async def test_an_unsaved_secret_is_refused(protocol: int, secret: Any) -> None:
    made, service = await a_user(plex_token="old"), await a_service(config_data={"password": "old"})
    new, read = User(plex_id="new", plex_username="x", plex_token=secret), await User.get(id=made.id)
    read.plex_token = secret
    service.config_data["password"] = secret
    for instance, name in ((new, "plex_token"), (read, "plex_token"), (service, "config_data")):
        with pytest.raises(SecretFieldError) as raised:
            pickle.dumps(instance, protocol)
        assert str(raised.value) == f"{type(instance).__name__}.{name} was set and not saved: save it, then pickle"
        await instance.save()
        through_pickle(instance, protocol)


async def test_another_row_s_secret_that_was_assigned_travels_as_ciphertext(protocol: int) -> None:
    anna, ben = await a_user(plex_token="canary"), await a_user()
    ben.plex_token = (await User.get(id=anna.id)).plex_token
    assert plaintext(through_pickle(ben, protocol).plex_token) == "canary"


async def test_a_partial_instance_travels(protocol: int) -> None:
    user = await a_user(plex_token="canary")
    for names in (("id",), ("plex_id", "plex_token"), ("id", "plex_token")):
        twin = through_pickle(await User.all().only(*names).get(id=user.id), protocol)
        assert set(names) <= vars(twin).keys()


async def test_an_unsaved_instance_without_secrets_travels(protocol: int) -> None:
    twin = through_pickle(User(plex_id="new", plex_username="x"), protocol)
    await twin.save()
    assert await User.exists(plex_id="new")


async def test_copies_have_their_own_secrets() -> None:
    user, service = await a_user(plex_token="one"), await a_service(config_data={"password": "one"})
    for make in (copy.copy, copy.deepcopy):
        twin = make(user)
        assert plaintext(twin.plex_token) == "one"
        twin.plex_token = "two"
        twin.plex_id = "another"
        assert plaintext(user.plex_token) == "one"
        assert user.plex_id != "another"
    deep = copy.deepcopy(service)
    deep.config_data["password"] = "two"
    assert service.config_data["password"].get_secret_value() == "one"


async def test_a_clone_under_another_key_has_the_secret_too() -> None:
    user = await a_user(plex_token="secret")
    twin = user.clone(pk=User().id)
    twin.plex_id = "clone"
    await twin.save()
    assert plaintext((await User.get(plex_id="clone")).plex_token) == "secret"
    assert plaintext((await User.get(id=user.id)).plex_token) == "secret"
