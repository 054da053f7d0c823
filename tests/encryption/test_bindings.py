"""A secret is bound to its place and its row's natural key: it decrypts nowhere else, and follows the key."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from medianest_models.encryption.stored_secrets import StoredSecret
from medianest_models.errors import DecryptionError, SecretFieldError
from medianest_models.models import Service, User
from medianest_models.testing import a_service, a_user
from tests.models.rows import plaintext, store, stored

pytestmark = pytest.mark.usefixtures("db")

LEAVES: list[tuple[Any, ...]] = [
    ("password",),
    ("token",),
    ("a.password",),
    ("a", "password"),
    ("a", "b", "password"),
    ("a.b", "password"),
    ('a"]["b', "password"),
    ("tokens", 0),
    ("tokens", 1),
    ("tokens[0]",),
    ("secrets", "0"),
    ("secrets", "[0]"),
    ("secrets", "a", "b"),
    ("secrets", "a.b"),
    ("secrets", 'a"]["b'),
    ("secrets", ""),
]
"""Places in a document; many of them read alike when their keys are joined."""


def refuses(secret: Any) -> None:
    assert isinstance(secret, StoredSecret)
    with pytest.raises(DecryptionError, match="the ciphertext was altered or belongs to another row"):
        secret.get_secret_value()


async def test_after_the_natural_key_was_changed_by_hand() -> None:
    anna = await a_user(plex_token="Anna's")
    await store(anna, "plex_id", "another")
    refuses((await User.get(id=anna.id)).plex_token)


async def test_between_two_services() -> None:
    plex = await a_service(api_key="key", config_data={"password": "pass"})
    sonarr = await a_service()
    for column in ("api_key", "config_data"):
        await store(sonarr, column, await stored(plex, column))
    read = await Service.get(id=sonarr.id)
    refuses(read.api_key)
    refuses(read.config_data["password"])


@pytest.mark.parametrize("key", ["api_key", "password", "config_data", ""])
async def test_between_api_key_and_config_data(key: str) -> None:
    service = await a_service(api_key="key", config_data={"secrets": {key: "pass"}})
    in_document = orjson.loads(await stored(service, "config_data"))["secrets"][key]
    in_column = await stored(service, "api_key")
    await store(service, "api_key", in_document)
    await store(service, "config_data", orjson.dumps({"secrets": {key: in_column}, "api_key": in_column}).decode())
    read = await Service.get(id=service.id)
    refuses(read.api_key)
    refuses(read.config_data["secrets"][key])
    refuses(read.config_data["api_key"])


async def test_between_a_user_and_a_service_of_the_same_name() -> None:
    user = await a_user(plex_id="plex", plex_token="token")
    service = await a_service(name="plex", api_key="key")
    from_user, from_service = await stored(user, "plex_token"), await stored(service, "api_key")
    await store(user, "plex_token", from_service)
    await store(service, "api_key", from_user)
    refuses((await User.get(id=user.id)).plex_token)
    refuses((await Service.get(id=service.id)).api_key)


async def test_between_any_two_places_of_a_document() -> None:
    document: dict[str, Any] = {}
    for leaf in LEAVES:
        put(document, leaf, "secret")
    service = await a_service(config_data=document)
    sealed = orjson.loads(await stored(service, "config_data"))
    for source, target in itertools.permutations(LEAVES, 2):
        await store(service, "config_data", orjson.dumps(put({}, target, take(sealed, source))).decode())
        refuses(take((await Service.get(id=service.id)).config_data, target))
    for leaf in LEAVES:
        await store(service, "config_data", orjson.dumps(put({}, leaf, take(sealed, leaf))).decode())
        assert take((await Service.get(id=service.id)).config_data, leaf).get_secret_value() == "secret"


async def test_what_was_moved_can_be_replaced() -> None:
    anna, ben = await a_user(plex_token="Anna's"), await a_user(plex_token="Ben's")
    await store(ben, "plex_token", await stored(anna, "plex_token"))
    read = await User.get(id=ben.id)
    refuses(read.plex_token)
    read.plex_token = "new"
    await read.save()
    assert (await User.get(id=ben.id)).plex_token == read.plex_token


# A change of the key, which has to bind the secret anew.


@pytest.mark.parametrize("update_fields", [None, ["plex_id"], ["plex_id", "email"], ["plex_id", "plex_token"]])
@pytest.mark.parametrize("read_before", [True, False])
async def test_it_can_change(update_fields: list[str] | None, *, read_before: bool) -> None:
    await a_user(plex_id="local:anna", plex_token="secret")
    user = await User.get(plex_id="local:anna")
    if read_before:
        assert user.plex_token is not None
    user.plex_id = "plex-linked"
    assert plaintext(user.plex_token) == "secret"
    await user.save(update_fields=update_fields)
    for read in (user, await User.get(plex_id="plex-linked")):
        assert plaintext(read.plex_token) == "secret"


async def test_it_can_change_twice_and_back() -> None:
    user = await a_user(plex_id="one", plex_token="secret")
    for plex_id in ("two", "three", "one"):
        user.plex_id = plex_id
    await user.save()
    user.update_from_dict({"plex_id": "four"})
    await user.save(update_fields=iter(["plex_id"]))
    assert plaintext((await User.get(plex_id="four")).plex_token) == "secret"


async def test_a_service_s_secrets_follow_its_name() -> None:
    made = await a_service(name="old", api_key="key", config_data={"password": "pass"})
    service = await Service.get(id=made.id)
    service.name = "new"
    await service.save(update_fields=["name"])
    read = await Service.get(name="new")
    assert plaintext(read.api_key) == "key"
    assert read.config_data["password"].get_secret_value() == "pass"


@pytest.mark.parametrize("fetched", [("id",), ("id", "plex_id"), ("id", "plex_id", "role")])
async def test_it_can_t_change_without_the_secret(fetched: tuple[str, ...]) -> None:
    await a_user(plex_id="local:anna", plex_token="secret")
    user = await User.filter(plex_id="local:anna").only(*fetched).get()
    user.plex_id = "plex-linked"
    with pytest.raises(SecretFieldError, match=r"^users\.plex_token is secret: .* unless it was fetched too$"):
        await user.save(update_fields=["plex_id"])
    assert plaintext((await User.get(plex_id="local:anna")).plex_token) == "secret"


async def test_it_can_t_be_given_to_a_secret_of_an_unknown_row() -> None:
    made = await a_user(plex_token="secret")
    user = await User.filter(id=made.id).only("id", "plex_token").get()
    with pytest.raises(SecretFieldError, match="it needs the row's plex_id"):
        _ = user.plex_token
    with pytest.raises(SecretFieldError, match="it needs the row's plex_id"):
        user.plex_id = "other"


@pytest.mark.parametrize("update_fields", [None, ["plex_token"]])
async def test_a_new_row_needs_it(update_fields: list[str] | None) -> None:
    user = User(plex_username="Anna", plex_token="secret")
    with pytest.raises(SecretFieldError, match="needs the row's plex_id"):
        await user.save(update_fields=update_fields)


async def test_a_row_read_again_is_bound_to_its_new_key() -> None:
    user = await a_user(plex_id="old", plex_token="secret")
    other = await User.get(id=user.id)
    other.plex_id = "new"
    other.plex_token = "changed"
    await other.save()
    await user.refresh_from_db()
    assert user.plex_id == "new"
    assert plaintext(user.plex_token) == "changed"


def put(document: dict[str, Any], leaf: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """`document` with the value at that place."""
    node: Any = document
    for key, following in itertools.pairwise(leaf):
        node = node.setdefault(key, [None, None] if isinstance(following, int) else {})
    node[leaf[-1]] = value
    return document


def take(document: Any, leaf: tuple[Any, ...]) -> Any:
    """Return what is at that place."""
    for key in leaf:
        document = document[key]
    return document
