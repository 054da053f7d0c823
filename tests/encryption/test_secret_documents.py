"""`config_data`: the secrets in a JSON document."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import SecretStr

from medianest_models.errors import DecryptionError, InvalidInputError, SecretFieldError
from medianest_models.masking import names_secret
from medianest_models.models import Service
from medianest_models.testing import a_service
from tests.models.rows import store, stored

pytestmark = pytest.mark.usefixtures("db")

SECRET_KEYS = ["password", "plexPassword", "tokens", "API-KEY", "x.api.key", "clientSecret", "smtp_pass", "auth"]

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
keys = st.text(letters, max_size=8) | st.sampled_from(SECRET_KEYS)
documents = st.dictionaries(
    keys,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | keys,
        lambda children: st.lists(children, max_size=3) | st.dictionaries(keys, children, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


def opened(node: Any, *, secret: bool = False) -> Any:
    """Return the document with its secrets decrypted; check that exactly the right values are secret."""
    if isinstance(node, dict):
        return {key: opened(item, secret=secret or names_secret(key)) for key, item in node.items()}
    if isinstance(node, list):
        return [opened(item, secret=secret) for item in node]
    if node is None or isinstance(node, bool):
        return node
    assert isinstance(node, SecretStr) == secret
    return node.get_secret_value() if secret else node


def texts(node: Any, *, secret: bool = False) -> Any:
    """Return the document with its secret numbers as strings, as they are read."""
    if isinstance(node, dict):
        return {key: texts(item, secret=secret or names_secret(key)) for key, item in node.items()}
    if isinstance(node, list):
        return [texts(item, secret=secret) for item in node]
    return str(node) if secret and node is not None and not isinstance(node, bool) else node


@given(document=documents)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_document_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    given = copy.deepcopy(document)
    service = await a_service(config_data=document)
    assert document == given
    read = await Service.get(id=service.id)
    assert opened(service.config_data) == opened(read.config_data) == texts(document)
    await read.save()
    assert opened((await Service.get(id=service.id)).config_data) == texts(document)


async def test_a_document_can_be_changed_in_place() -> None:
    service = await a_service(config_data={"a": {"password": "one", "host": "h"}})
    held = service.config_data
    held["a"]["password"] = "two"
    held["a"]["token"] = "new"
    held["a"]["tokens"] = ("x", "y")
    await service.save()
    assert "two" not in repr(service.config_data)
    held["a"]["host"] = "i"
    await service.save()
    read = opened((await Service.get(id=service.id)).config_data)
    assert read == {"a": {"password": "two", "token": "new", "host": "i", "tokens": ["x", "y"]}}


async def test_secrets_can_change_places_in_a_list() -> None:
    service = await a_service(config_data={"tokens": ["one", "two", "three"]})
    read = await Service.get(id=service.id)
    read.config_data["tokens"].reverse()
    del read.config_data["tokens"][1]
    await read.save()
    assert opened((await Service.get(id=service.id)).config_data) == {"tokens": ["three", "one"]}


async def test_a_secret_that_stays_keeps_its_envelope() -> None:
    service = await a_service(config_data={"password": "one", "token": "two"})
    before = orjson.loads(await stored(service, "config_data"))
    read = await Service.get(id=service.id)
    read.config_data["token"] = "three"
    await read.save()
    after = orjson.loads(await stored(service, "config_data"))
    assert after["password"] == before["password"]
    assert after["token"] != before["token"]


async def test_a_text_that_looks_like_an_envelope_is_a_plaintext() -> None:
    service = await a_service(config_data={"password": "the victim's"})
    envelope = orjson.loads(await stored(service, "config_data"))["password"]
    service.config_data = {"password": envelope, "host": envelope}
    await service.save()
    read = (await Service.get(id=service.id)).config_data
    assert read["password"].get_secret_value() == envelope
    assert read["host"] == envelope


async def test_a_secret_where_it_would_not_be_one_is_refused() -> None:
    for secret in (SecretStr("canary"), (await a_service(api_key="canary")).api_key):
        with pytest.raises(
            InvalidInputError, match=r'^services\.config_data\["host"\]: a SecretStr needs a key'
        ) as raised:
            await a_service(config_data={"host": secret})
        assert "canary" not in str(raised.value)


@pytest.mark.parametrize("document", [[], ["a"], "text", 5, True, {}, None])
async def test_it_need_not_be_an_object(document: Any) -> None:
    service = await a_service(config_data=document)
    assert (await stored(service, "config_data") is None) is (document is None)
    assert (await Service.get(id=service.id)).config_data == document


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**64, b"canary", Decimal(1), {"canary"}, object()])
@pytest.mark.parametrize("key", ["password", "host"])
async def test_what_is_no_json_is_refused_under_any_key(key: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^services\.config_data") as raised:
        await a_service(config_data={"a": [{key: value}]})
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "document", [{1: "a"}, {"a": {None: "b"}}, {"a\0": 1}, {"\ud800": 1}, {"host": "\0"}, {"password": "\ud800"}]
)
async def test_a_key_or_a_text_that_jsonb_can_t_hold_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^services\.config_data"):
        await a_service(config_data=document)


@pytest.mark.parametrize("levels", [201, 5_000])
@pytest.mark.parametrize("key", ["a", "token"])
async def test_too_many_levels_are_refused(key: str, levels: int) -> None:
    document: Any = {}
    for _ in range(levels):
        document = {key: document}
    with pytest.raises(InvalidInputError, match="levels deep"):
        await a_service(config_data=document)
    service = await a_service(config_data={})
    service.config_data["in place"] = document
    with pytest.raises(InvalidInputError, match="levels deep"):
        await service.save()


async def test_a_plaintext_written_by_hand_is_told_and_not_given_out() -> None:
    service = await a_service()
    await store(service, "config_data", json.dumps({"password": "by hand", "token": 7_777_777, "host": "h"}))
    read = (await Service.get(id=service.id)).config_data
    assert read["host"] == "h"
    assert not re.search("by hand|7777777", repr(read))
    with pytest.raises(DecryptionError, match="what is stored is not an encrypted value"):
        read["password"].get_secret_value()


BEFORE = {"smtp_pass": "one", "auth": {"user": "two", "id": 3, "on": True, "hosts": ["a", None]}, "author": "four"}
BEFORE |= {"jwt": "five", "private_key": {"pem": "six"}, "bearer": "seven", "key": "eight", "signature": "nine"}
"""A document of a release in which none of its keys counted as secret."""


async def test_what_was_stored_before_its_key_named_a_secret_is_read_and_encrypted_when_it_is_written() -> None:
    service = await a_service()
    await store(service, "config_data", json.dumps(BEFORE))
    read = await Service.get(id=service.id)
    await read.save(update_fields=["display_name"])
    assert orjson.loads(await stored(service, "config_data")) == BEFORE
    assert opened(read.config_data) == texts(BEFORE)
    with pytest.raises(SecretFieldError, match="was set and not saved"):
        pickle.dumps(read)
    await read.save()
    after = await stored(service, "config_data")
    assert not re.search('"(one|two|3|a|five|six|seven)"', after)
    assert {*re.findall("four|eight|nine", after)} == {"four", "eight", "nine"}
    assert opened(read.config_data) == opened((await Service.get(id=service.id)).config_data) == texts(BEFORE)


async def test_below_a_key_that_always_named_a_secret_nothing_is_read_in_the_clear() -> None:
    service = await a_service()
    await store(service, "config_data", json.dumps({"auth": {"token": {"pass": "by hand"}}}))
    secret = (await Service.get(id=service.id)).config_data["auth"]["token"]["pass"]
    with pytest.raises(DecryptionError, match="what is stored is not an encrypted value"):
        secret.get_secret_value()
