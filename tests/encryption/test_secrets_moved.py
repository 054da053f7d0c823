"""Ciphertext that was moved, in the database, to where it does not belong never decrypts."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from medianest_models.encryption.stored_secrets import StoredSecret
from medianest_models.errors import DecryptionError
from medianest_models.models import Service, User
from tests.models.rows import make_service, make_user, store, stored

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


async def test_between_two_users() -> None:
    anna, ben = await make_user(plex_token="Anna's"), await make_user(plex_token="Ben's")
    await store(ben, "plex_token", await stored(anna, "plex_token"))
    refuses((await User.get(id=ben.id)).plex_token)


async def test_to_a_user_who_took_over_the_plex_id_of_another() -> None:
    anna = await make_user(plex_id="anna", plex_token="Anna's")
    envelope = await stored(anna, "plex_token")
    await anna.delete()
    ben = await make_user(plex_id="ben")
    await store(ben, "plex_token", envelope)
    refuses((await User.get(id=ben.id)).plex_token)


async def test_after_the_natural_key_was_changed_by_hand() -> None:
    anna = await make_user(plex_token="Anna's")
    await store(anna, "plex_id", "another")
    refuses((await User.get(id=anna.id)).plex_token)


async def test_between_two_services() -> None:
    plex = await make_service(api_key="key", config_data={"password": "pass"})
    sonarr = await make_service()
    for column in ("api_key", "config_data"):
        await store(sonarr, column, await stored(plex, column))
    read = await Service.get(id=sonarr.id)
    refuses(read.api_key)
    refuses(read.config_data["password"])


@pytest.mark.parametrize("key", ["api_key", "password", "config_data", ""])
async def test_between_api_key_and_config_data(key: str) -> None:
    service = await make_service(api_key="key", config_data={"secrets": {key: "pass"}})
    in_document = orjson.loads(await stored(service, "config_data"))["secrets"][key]
    in_column = await stored(service, "api_key")
    await store(service, "api_key", in_document)
    await store(service, "config_data", orjson.dumps({"secrets": {key: in_column}, "api_key": in_column}).decode())
    read = await Service.get(id=service.id)
    refuses(read.api_key)
    refuses(read.config_data["secrets"][key])
    refuses(read.config_data["api_key"])


async def test_between_a_user_and_a_service_of_the_same_name() -> None:
    user = await make_user(plex_id="plex", plex_token="token")
    service = await make_service(name="plex", api_key="key")
    from_user, from_service = await stored(user, "plex_token"), await stored(service, "api_key")
    await store(user, "plex_token", from_service)
    await store(service, "api_key", from_user)
    refuses((await User.get(id=user.id)).plex_token)
    refuses((await Service.get(id=service.id)).api_key)


async def test_between_any_two_places_of_a_document() -> None:
    document: dict[str, Any] = {}
    for leaf in LEAVES:
        put(document, leaf, "secret")
    service = await make_service(config_data=document)
    sealed = orjson.loads(await stored(service, "config_data"))
    for source, target in itertools.permutations(LEAVES, 2):
        await store(service, "config_data", orjson.dumps(put({}, target, take(sealed, source))).decode())
        refuses(take((await Service.get(id=service.id)).config_data, target))
    for leaf in LEAVES:
        await store(service, "config_data", orjson.dumps(put({}, leaf, take(sealed, leaf))).decode())
        assert take((await Service.get(id=service.id)).config_data, leaf).get_secret_value() == "secret"


async def test_what_was_moved_can_be_replaced() -> None:
    anna, ben = await make_user(plex_token="Anna's"), await make_user(plex_token="Ben's")
    await store(ben, "plex_token", await stored(anna, "plex_token"))
    read = await User.get(id=ben.id)
    refuses(read.plex_token)
    read.plex_token = "new"
    await read.save()
    assert (await User.get(id=ben.id)).plex_token == read.plex_token


def put(document: dict[str, Any], leaf: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """`document` with the value at that place."""
    node: Any = document
    for key, following in itertools.pairwise(leaf):
        node = node.setdefault(key, [None, None] if isinstance(following, int) else {})
    node[leaf[-1]] = value
    return document


def take(document: Any, leaf: tuple[Any, ...]) -> Any:
    """What is at that place."""
    for key in leaf:
        document = document[key]
    return document
