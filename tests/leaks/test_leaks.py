"""No secret is visible anywhere: no output contains a canary."""

from __future__ import annotations

import base64
import copy
import dataclasses
import gc
import inspect
import json
import pickle
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Generic, TypeVar, cast

import pytest
from pydantic import BaseModel, TypeAdapter

from medianest_models import errors
from medianest_models.encryption import HashField, is_secret
from medianest_models.errors import MedianestError, SecretFieldError
from medianest_models.masking import names_secret
from medianest_models.models.base import Base
from medianest_models.pagination import PaginatedResult, Pagination
from tests.leaks.canaries import Canaries, Kind, texts_in
from tests.leaks.commands import COMMANDS
from tests.leaks.conftest import Evidence
from tests.leaks.failures import texts_of
from tests.leaks.instances import HELD_AS, SHOWN_AS, WITH_UNSAVED_SECRETS, opened
from tests.leaks.rows import MODELS, SECRET_MODELS, canary_of, secret_fields, secrets_of, url_with_credentials
from tests.schemas.shapes import READ, SCHEMAS, WRITTEN, model_of

InnerT = TypeVar("InnerT")

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)  # Tortoise's relations can't be pickled with older ones


ENVELOPE = re.compile(r"v1\.[0-9a-f]{16}\.")
"""The beginning of a ciphertext, which is shown as little as the secret itself."""


def assert_clean(evidence: Evidence, what: str, texts: Iterable[str | bytes], *allowed: Kind) -> None:
    found = evidence.canaries.found_in(*texts, allowed=allowed)
    assert not found, f"{what} shows {', '.join(found)}"


def assert_no_envelope(what: str, texts: Iterable[str]) -> None:
    assert not ENVELOPE.search("\n".join(texts)), f"{what} shows a ciphertext"


# The test itself.


@pytest.mark.parametrize(
    "hide",
    [
        str.upper,
        lambda text: text[::-1],
        lambda text: f"before{text}after",
        lambda text: text.encode().hex(),
        lambda text: json.dumps({"a": [text]}),
        lambda text: text.encode("utf-16").decode("latin-1"),
        *[
            lambda text, before=before: base64.b64encode(b"x" * before + text.encode() + b"x" * before).decode()
            for before in range(5)
        ],
        lambda text: base64.urlsafe_b64encode(f'{{"a": "{text}"}}'.encode()).decode(),
        lambda text: base64.b32encode(text.encode()).decode(),
        lambda text: str(list(text.encode())),
    ],
)
def test_a_canary_is_found_in_every_spelling(hide: Callable[[str], str]) -> None:
    canaries = Canaries()
    canary = canaries.new("a secret")
    canaries.new("another secret")
    assert canaries.found_in("nothing", hide(canary.text), "nothing") == ["a secret"]
    assert canaries.found_in(hide(canary.text[:-3])) == []
    assert canaries.found_in(f"number: {canary.number}") == ["a secret"]


def test_every_secret_column_has_a_canary(evidence: Evidence) -> None:
    names = {f"{field.model.__name__}.{field.model_field_name}" for model in MODELS for field in secret_fields(model)}
    assert names <= {canary.name for canary in evidence.canaries}
    assert names == {
        "User.plex_token",
        "Service.api_key",
        "Service.config_data",
        "SessionToken.token_hash",
        "LocalCredential.password_hash",
    }
    for model in SECRET_MODELS:
        kept = copy.copy(evidence.instances[model.__name__, "fetched"])
        for field, value in zip(secret_fields(model), opened(kept), strict=True):
            canary = canary_of(evidence.canaries, field, " changed again")
            assert canary.text in "".join(texts_in(value))
            assert field.field_type is not dict or str(canary.number) in "".join(texts_in(value))


def test_a_column_with_a_secret_s_name_says_that_it_is_secret() -> None:
    for model in MODELS:
        for name in model._meta.fields_db_projection:
            field = model._meta.fields_map[name]
            if field.field_type in (str, dict, list, bytes) and names_secret(name):
                assert is_secret(field), f"{model.__name__}.{name}"


# Instances of models. A copy of each, because an instance keeps a secret that was looked at in another form.


@pytest.mark.parametrize("way", SHOWN_AS)
def test_no_instance_shows_a_secret(evidence: Evidence, way: str) -> None:
    for name, instance in evidence.instances.items():
        assert_clean(evidence, f"{name} as {way}", SHOWN_AS[way](copy.copy(instance)))
        assert_no_envelope(f"{name} as {way}", SHOWN_AS[way](copy.copy(instance)))


def test_no_dict_of_an_instance_has_a_secret_column(evidence: Evidence) -> None:
    for instance in evidence.instances.values():
        assert not dict(instance).keys() & {field.model_field_name for field in secret_fields(type(instance))}
    for model in MODELS:
        secrets = {field.model_field_name for field in secret_fields(model)}
        shown = dict(evidence.instances[model.__name__, "fetched"])
        assert shown.keys() == model._meta.fields_db_projection.keys() - secrets


@pytest.mark.parametrize("way", HELD_AS)
def test_no_instance_holds_a_secret_in_the_clear(evidence: Evidence, way: str) -> None:
    for name, instance in evidence.instances.items():
        assert_clean(evidence, f"{name} as {way}", HELD_AS[way](copy.copy(instance)), Kind.CREDENTIAL)
        assert_no_envelope(f"{name} as {way}", HELD_AS[way](copy.copy(instance)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_pickle_holds_a_secret(evidence: Evidence, protocol: int) -> None:
    for (model, state), instance in evidence.instances.items():
        encrypted = [field for field in secret_fields(type(instance)) if not isinstance(field, HashField)]
        for copied in (instance, copy.copy(instance), copy.deepcopy(instance)):
            if encrypted and state in WITH_UNSAVED_SECRETS:
                with pytest.raises(SecretFieldError):
                    pickle.dumps(copied, protocol)
            else:
                data = pickle.dumps(copied, protocol)
                assert_clean(
                    evidence, f"the pickle of {model}, {state}", [data, *_pickled_texts(data)], Kind.CREDENTIAL
                )


def _pickled_texts(data: bytes) -> list[str]:
    return [*texts_in(vars(pickle.loads(data)))]  # noqa: S301 - our own


# Schemas.


def _shown(evidence: Evidence) -> list[tuple[str, Any]]:
    """Yield every read schema, made from its model in every state with all columns."""
    made: list[tuple[str, Any]] = []
    for schema in READ.values():
        model = model_of(schema)
        for (name, state), instance in evidence.instances.items():
            if (
                name == model.__name__
                and schema.model_fields.keys() <= {key for key, _ in instance}
                and instance.pk is not None
            ):
                made.append((f"{schema.__name__} of {state}", schema.model_validate(instance)))
    assert {type(shown) for _, shown in made} == set(READ.values())
    return made


def _written(evidence: Evidence) -> list[tuple[str, Any]]:
    """Yield every schema that can contain a secret, with one in each place."""
    made: list[tuple[str, Any]] = []
    for name, schema in WRITTEN.items():
        given = {
            key: value
            for key, value in secrets_of(evidence.canaries, model_of(schema)).items()
            if key in schema.model_fields
        }
        if "url" in schema.model_fields:
            given["url"] = url_with_credentials(evidence.canaries)
        if given:
            given = {key: "x" for key, field in schema.model_fields.items() if field.is_required()} | given
            made.append((name, schema.model_validate(given)))
    assert {"UserCreate", "ServiceUpdate"} <= {name for name, _ in made}
    return made


class Outer(BaseModel, Generic[InnerT]):
    """A caller's own schema."""

    one: InnerT
    many: list[InnerT]
    named: dict[str, InnerT]


class Holder(BaseModel):
    """Holds anything."""

    held: Any


def _nested(schema: Any) -> list[Any]:
    """Yield the schema nested in others."""
    outer, page, kind = cast("Any", Outer), cast("Any", PaginatedResult), type(schema)
    place = Pagination(page=1, limit=1, total=1, total_pages=1)
    return [
        outer[kind](one=schema, many=[schema], named={"a": schema}),
        page[kind].model_construct(data=[schema], pagination=place),
        Holder(held=schema),
    ]


SCHEMA_SHOWN_AS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "str": lambda schema: [str(schema), f"{schema}", f"{schema!a}"],
    "repr": lambda schema: [repr(schema), repr([schema]), repr(schema.__repr_args__())],
    "dump": lambda schema: texts_in(schema.model_dump()),
    "dump as JSON": lambda schema: [*texts_in(schema.model_dump(mode="json")), schema.model_dump_json()],
    "dump of anything": lambda schema: [
        *texts_in(schema.model_dump(serialize_as_any=True)),
        TypeAdapter(Any).dump_json(schema),
    ],
    "dict": lambda schema: [*texts_in(dict(schema)), repr(dict(schema)), json.dumps(dict(schema), default=str)],
    "vars": lambda schema: [*texts_in(vars(schema)), repr(vars(schema))],
    "copy": lambda schema: [*texts_in(vars(copy.copy(schema))), *texts_in(vars(schema.model_copy()))],
    "deepcopy": lambda schema: [*texts_in(vars(copy.deepcopy(schema))), *texts_in(vars(schema.model_copy(deep=True)))],
    "nested": lambda schema: [
        text
        for outer in _nested(schema)
        for text in (repr(outer), outer.model_dump_json(), *texts_in(outer.model_dump()))
    ],
}


@pytest.mark.parametrize("way", SCHEMA_SHOWN_AS)
def test_no_schema_shows_a_secret(evidence: Evidence, way: str) -> None:
    for name, schema in _shown(evidence) + _written(evidence):
        assert_clean(evidence, f"{name} as {way}", SCHEMA_SHOWN_AS[way](schema))


def test_no_read_schema_holds_a_secret(evidence: Evidence) -> None:
    for name, schema in _shown(evidence):
        pickles = [
            pickle.dumps(held, protocol)
            for protocol in PROTOCOLS
            for held in (schema, copy.copy(schema), copy.deepcopy(schema))
        ]
        assert_clean(evidence, f"the pickle of {name}", pickles)
        held = [schema, *gc.get_referents(schema), *gc.get_referents(vars(schema))]
        assert not [value for value in held if isinstance(value, Base)], (
            f"{name} holds the instance that it was made from"
        )


def test_what_holds_a_secret_to_be_written_can_t_be_pickled(evidence: Evidence) -> None:
    for _, schema in _written(evidence):
        for protocol in PROTOCOLS:
            for held in (schema, {"a": [copy.copy(schema)]}, copy.deepcopy(schema)):
                with pytest.raises(SecretFieldError, match="can hold secrets, which a pickle would show"):
                    pickle.dumps(held, protocol)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_no_json_schema_names_a_secret_that_can_be_read(evidence: Evidence, schema: type[BaseModel]) -> None:
    for mode in ("validation", "serialization"):
        shape = schema.model_json_schema(mode=mode)
        assert_clean(evidence, f"the JSON schema of {schema.__name__}", [json.dumps(shape)])
    names = {field.model_field_name for model in MODELS for field in secret_fields(model)}
    if schema in READ.values():
        assert not names & {node for node in texts_in(schema.model_json_schema()) if node.isidentifier()}


# Errors.


def test_no_error_shows_a_secret(evidence: Evidence) -> None:
    leaks = {
        name: found
        for name, error in evidence.errors.items()
        if (found := evidence.canaries.found_in(*texts_of(error)))
    }
    assert_no_envelope("an error", (text for error in evidence.errors.values() for text in texts_of(error)))
    assert not leaks, (
        f"{len(leaks)} of {len(evidence.errors)} errors show a secret, the first of them: {dict([*leaks.items()][:5])}"
    )


def test_every_kind_of_error_was_raised(evidence: Evidence) -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MedianestError)}
    raised = {type(error) for error in evidence.errors.values()}
    leaves = {kind for kind in kinds if not any(issubclass(other, kind) for other in kinds - {kind})}
    assert leaves - raised == set()
    assert len(evidence.errors) > 1000


# Results of functions.


def test_no_result_shows_a_secret(evidence: Evidence) -> None:
    kinds = {type(result).__name__ for result in evidence.results}
    assert {
        "IssuedSession",
        "RotatedSession",
        "Settings",
        "DatabaseUrl",
        "KeyRing",
        "DatabaseHealth",
        "Client",
    } <= kinds
    for result in evidence.results:
        as_dict = dataclasses.asdict(result) if dataclasses.is_dataclass(result) else {}  # type: ignore[arg-type]
        assert_clean(evidence, f"a {type(result).__name__}", [*texts_in([result, as_dict]), repr(as_dict)])


# The input and the output of the database and the driver.


def test_no_command_shows_a_secret(evidence: Evidence) -> None:
    for arguments, output in evidence.outputs.items():
        assert_clean(evidence, f"medianest {' '.join(arguments)}", [output])


def test_every_command_was_run(evidence: Evidence) -> None:
    done = {arguments for arguments, output in evidence.outputs.items() if output.endswith("exit status 0")}
    # These fail: those of the server, because DATABASE_URL is set; psql, if it is not installed; those of backups,
    # because the database is not empty and this process is connected to it; a row that was moved.
    refused = {("db", name) for name in ("up", "down", "upgrade", "psql", "restore", "verify-backup")}
    refused |= {("secrets", "status"), ("secrets", "rotate")}
    assert {words for words in COMMANDS if any(arguments[: len(words)] == words for arguments in done)} >= (
        {*COMMANDS} - refused
    )
    assert "these could not be decrypted or changed" in evidence.outputs["secrets", "rotate"]
    assert "Saved " in evidence.outputs["db", "backup"]
    assert "is not empty" in evidence.outputs["db", "restore"]
    assert "users.plex_token" in evidence.outputs["secrets", "status", "--json"]
    assert "Created the admin user" in evidence.outputs["bootstrap",]


def test_no_log_shows_a_secret(evidence: Evidence) -> None:
    if found := evidence.canaries.found_in(*evidence.lines):
        leaks = (line for line in evidence.lines if evidence.canaries.found_in(line))
        pytest.fail(f"the log shows {', '.join(found)}, such as in: {list(islice(leaks, 5))}")
    assert_no_envelope("the log", evidence.lines)


def test_the_logs_are_whole(evidence: Evidence) -> None:
    queries = [line for line in evidence.lines if line.startswith("medianest_models.query DEBUG")]
    for model in MODELS:
        assert any(f'INSERT INTO "{model._meta.db_table}"' in query for query in queries)
        assert any(
            line.startswith("medianest_models.query WARNING slow query")
            for line in evidence.lines
            if f'INSERT INTO "{model._meta.db_table}"' in line
        )
    assert any("plex_id User" in query and "***" in query for query in queries)
    assert any(
        line.startswith("medianest_models.db ERROR can't connect to postgresql://ada:***@127.0.0.1:1")
        for line in evidence.lines
    )


def test_no_dump_holds_a_secret(evidence: Evidence) -> None:
    for form, dump in evidence.dump.items():
        assert_clean(evidence, f"pg_dump --format={form}", [dump], Kind.HASH, Kind.CREDENTIAL)
        for model in MODELS:
            assert f"INSERT INTO public.{model._meta.db_table} VALUES".encode() in dump
        allowed = {canary.name for canary in evidence.canaries if canary.kind is Kind.HASH}
        assert {"SessionToken.token_hash changed again", "the hash of a password"} <= set(
            evidence.canaries.found_in(dump)
        ) & allowed


def test_no_sql_shows_a_secret(evidence: Evidence) -> None:
    for model in MODELS:
        assert any(f'INSERT INTO "{model._meta.db_table}"' in query for query in evidence.queries)
        assert any(str(evidence.rows[model].id) in query for query in evidence.queries)
    assert_clean(evidence, "the SQL of a query set", evidence.queries)
    assert_no_envelope("the SQL of a query set", evidence.queries)


def test_no_cursor_holds_a_secret(evidence: Evidence) -> None:
    assert len(evidence.cursors) > 20
    assert_clean(evidence, "a cursor", evidence.cursors)
