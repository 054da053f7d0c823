"""No secret, and no ciphertext or hash either, in what is printed, logged, exported or raised."""

from __future__ import annotations

import json
import logging
import pprint
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from tortoise.exceptions import IntegrityError

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.encryption.stored_secrets import hash_token
from medianest_models.errors import MedianestError
from medianest_models.models import LocalCredential, Service, SessionToken, User
from tests.models.rows import make_credential, make_service, make_session, make_user, stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.usefixtures("db")

CANARY = "canary-7a1f"
PASSWORD_HASH = f"$argon2id${CANARY}"
MODELS: list[Any] = [User, Service, SessionToken, LocalCredential]


@pytest.fixture
async def rows() -> list[Any]:
    """A row of each model with a secret."""
    user = await make_user(plex_token=CANARY, email="anna@example.org")
    document = {"a": [{"password": CANARY}], "token": CANARY}
    return [
        user,
        await make_service(api_key=CANARY, config_data=document),
        await make_session(user, CANARY),
        await make_credential(user, password_hash=PASSWORD_HASH),
    ]


@pytest.fixture
async def secrets(rows: list[Any]) -> list[str]:
    """The secret, and what is stored for it."""
    user, service, *_ = rows
    envelopes = [await stored(user, "plex_token"), await stored(service, "api_key")]
    in_document = json.loads(await stored(service, "config_data"))["token"]
    return [CANARY, *envelopes, in_document, hash_token(CANARY)]


def looked_at(row: Any) -> Any:
    assert [getattr(row, field.model_field_name) for field in row._secrets]
    return row


def unsaved(model: Any) -> Any:
    return model(
        **{field.model_field_name: CANARY for field in model._secrets if field.model_field_name != "config_data"}
    )


def in_json(row: Any) -> str:
    return json.dumps(dict(row), default=str)


def in_log(row: Any) -> str:
    record = logging.getLogger().makeRecord("", logging.INFO, "", 1, "%s %r %s", (row, row, vars(row)), None)
    return logging.Formatter().format(record)


def in_schema(row: Any) -> str:
    names = [field.model_field_name for field in row._secrets]
    options = {"__annotations__": dict.fromkeys(names, Any), "model_config": ConfigDict(from_attributes=True)}
    schema: Any = type("Row", (BaseModel,), options)
    made = schema.model_validate(row)
    return f"{made!r} {made} {made.model_dump()} {made.model_dump_json()}"


def in_wrong_schema(row: Any) -> str:
    names = [field.model_field_name for field in row._secrets]
    options = {"__annotations__": dict.fromkeys(names, int), "model_config": ConfigDict(from_attributes=True)}
    schema: Any = type("Row", (BaseModel,), options)
    with pytest.raises(ValidationError) as raised:
        schema.model_validate(row)
    return f"{raised.value} {raised.value.errors()}"


def in_traceback(row: Any) -> str:
    values = [getattr(row, field.model_field_name) for field in row._secrets]
    return "".join(traceback.format_exception(RuntimeError(row, values, vars(row))))


EXPORTS: list[Callable[[Any], str]] = [
    str,
    repr,
    lambda row: f"{row} {row!a}",
    lambda row: repr(dict(row)),
    lambda row: repr(list(row)),
    lambda row: repr(vars(row)),
    lambda row: pprint.pformat(vars(row)),
    lambda row: repr([getattr(row, field.model_field_name) for field in row._secrets]),
    in_json,
    in_log,
    in_schema,
    in_wrong_schema,
    in_traceback,
]


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("number", range(len(MODELS)))
async def test_no_export_shows_a_secret(
    rows: list[Any], secrets: list[str], number: int, export: Callable[[Any], str]
) -> None:
    made = rows[number]
    read = await MODELS[number].get(id=made.id)
    for row in (made, read, looked_at(await MODELS[number].get(id=made.id)), unsaved(MODELS[number])):
        text = export(row)
        for secret in secrets:
            assert secret not in text


@pytest.mark.parametrize("number", range(len(MODELS)))
async def test_a_dict_of_a_row_has_its_other_columns(rows: list[Any], number: int) -> None:
    row = await MODELS[number].get(id=rows[number].id)
    secret = {field.model_field_name for field in row._secrets}
    assert dict(row).keys() == row._meta.fields_db_projection.keys() - secret


async def duplicate(rows: list[Any]) -> None:
    await make_user(plex_id=rows[0].plex_id, plex_token=CANARY)


async def duplicate_hash(rows: list[Any]) -> None:
    await make_session(rows[0], CANARY)


async def duplicate_hashes(rows: list[Any]) -> None:
    twin = SessionToken(user_id=rows[0].id, token_hash=hash_token(CANARY), expires_at=rows[2].expires_at)
    await SessionToken.bulk_create([twin])


async def broken_check(rows: list[Any]) -> None:
    await execute("UPDATE users SET role = $1", CANARY)


async def not_null(rows: list[Any]) -> None:
    await Service.create(name=CANARY, api_key=CANARY, display_name=None, config_data={"password": CANARY})


async def wrong_reference(rows: list[Any]) -> None:
    await SessionToken.create(user_id=rows[2].id, token_hash=CANARY, expires_at=rows[2].expires_at)


async def too_long(rows: list[Any]) -> None:
    await make_credential(rows[0], username="x", password_hash=CANARY * 100)


async def too_long_in_the_database(rows: list[Any]) -> None:
    await execute("UPDATE session_tokens SET token_hash = $1", CANARY * 100)


async def wrong_type(rows: list[Any]) -> None:
    await execute("UPDATE users SET created_at = $1", CANARY)


async def no_unicode(rows: list[Any]) -> None:
    await make_user(plex_token=f"{CANARY}\ud800")


async def nul_in_the_database(rows: list[Any]) -> None:
    await execute("UPDATE users SET plex_token = $1", f"{CANARY}\0")


FAILURES: list[Callable[[list[Any]], Awaitable[None]]] = [
    duplicate,
    duplicate_hash,
    duplicate_hashes,
    broken_check,
    not_null,
    wrong_reference,
    too_long,
    too_long_in_the_database,
    wrong_type,
    no_unicode,
    nul_in_the_database,
]


@pytest.mark.parametrize("fail", FAILURES)
async def test_no_error_shows_a_secret(
    rows: list[Any], secrets: list[str], fail: Callable[[list[Any]], Awaitable[None]]
) -> None:
    with pytest.raises((MedianestError, IntegrityError, ValueError)) as raised:
        async with transaction():
            await fail(rows)
    chain = "".join(line for line in traceback.format_exception(raised.value) if not line.lstrip().startswith("File"))
    assert CANARY not in str(raised.value.args)
    for secret in secrets:
        assert secret not in chain


async def test_the_query_log_shows_no_secret(
    rows: list[Any], secrets: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="medianest_models.query")
    user, service, _, credential = rows
    await make_session(await make_user(plex_token=CANARY), f"{CANARY}-2")
    user.plex_token = service.api_key = f"{CANARY}-3"
    service.config_data["token"] = f"{CANARY}-4"
    credential.password_hash = f"{PASSWORD_HASH}-5"
    for row in rows:
        await row.save()
    await User.bulk_create([User(plex_id="bulk", plex_username="x", plex_token=CANARY)])
    envelopes = [await stored(user, "plex_token"), await stored(service, "api_key")]
    assert "UPDATE" in caplog.text
    for secret in [*secrets, *envelopes, hash_token(f"{CANARY}-2")]:
        assert secret not in caplog.text


async def test_the_sql_of_a_query_shows_no_secret(rows: list[Any], secrets: list[str]) -> None:
    user, service, *_ = rows
    texts = [
        User.filter(plex_id=user.plex_id).sql(params_inline=True),
        User.all().update(email="x").sql(params_inline=True),
        User.bulk_update([user], ["email"]).sql(params_inline=True),
        User.bulk_create([user]).sql(params_inline=True),
        Service.bulk_create([service], on_conflict=["name"], update_fields=["api_key"]).sql(params_inline=True),
    ]
    for secret in secrets:
        assert not any(secret in text for text in texts)


async def test_a_field_says_that_it_is_secret() -> None:
    assert {f"{model.__name__}.{field.model_field_name}" for model in MODELS for field in model._secrets} == {
        "User.plex_token",
        "Service.api_key",
        "Service.config_data",
        "SessionToken.token_hash",
        "LocalCredential.password_hash",
    }
    assert all(field.secret for model in MODELS for field in model._secrets)
