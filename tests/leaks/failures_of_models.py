"""Errors while rows with secrets are created, written, searched and read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest
from pypika_tortoise.functions import Concat
from tortoise.expressions import Case, F, Q, RawSQL, When

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.encryption import EncryptedField, EncryptedJSONField
from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import generate_key, key_ring
from medianest_models.encryption.stored_secrets import SecretParameter
from medianest_models.pagination import paginate, paginate_by_cursor
from tests.leaks.canaries import Canaries, secret_value
from tests.leaks.failures import BAD_VALUES, Failures, bad_secrets
from tests.leaks.instances import opened
from tests.leaks.rows import LEFT_OUT, MODELS, SECRET_MODELS, canary_of, secret_fields, secrets_of, values

_LOOKUPS: Final = ("", "__not", "__in", "__gt", "__startswith", "__icontains", "__iexact", "__isnull", "__search")


class _Undo(Exception):  # noqa: N818 - it is not an error
    """Ends the transaction of an attempt that did not fail."""


async def undone(attempt: Callable[[], Awaitable[object]]) -> None:
    """Make an attempt in a transaction that is rolled back."""
    with contextlib.suppress(_Undo):
        async with transaction():
            await attempt()
            raise _Undo


async def writing(failures: Failures, canaries: Canaries, rows: dict[type[Any], Any]) -> None:
    """Write rows that can't be stored, because of a secret or another column."""
    for model in SECRET_MODELS:
        name = model.__name__
        good = partial(values, canaries, model, rows)
        await failures.expect(
            f"{name} twice",
            partial(
                undone, partial(model.create, **secrets_of(canaries, model, " changed again") | _others(rows[model]))
            ),
        )
        await failures.expect(
            f"{name}, an unknown argument", partial(undone, partial(model.create, **good(" unknown"), nope=1))
        )
        for column in _other_columns(model):
            for what, bad in BAD_VALUES.items():
                made = {key: value for key, value in good(f" {what}").items() if f"{key}_id" != column}
                await failures.catch(
                    f"{name}.{column}, {what}", partial(undone, partial(model.create, **made | {column: bad}))
                )
        for field in secret_fields(model):
            canary = canary_of(canaries, field, " bad")
            for what, bad in bad_secrets(canary.text, canary.number).items():
                await _write_bad(
                    failures,
                    f"{name}.{field.model_field_name}, {what}",
                    rows[model],
                    good(f" {what}"),
                    {field.model_field_name: bad},
                )


async def _write_bad(failures: Failures, name: str, row: Any, good: dict[str, Any], bad: dict[str, Any]) -> None:
    model = type(row)

    async def assign() -> None:
        instance = await model.get(id=row.id)
        for key, value in bad.items():
            setattr(instance, key, value)
        await instance.save()

    async def update() -> None:
        await (await model.get(id=row.id)).update_from_dict(bad).save(update_fields=list(bad))

    await failures.catch(f"{name}, created", partial(undone, partial(model.create, **good | bad)))
    await failures.catch(f"{name}, assigned", partial(undone, assign))
    await failures.catch(f"{name}, updated", partial(undone, update))
    await failures.catch(f"{name}, in bulk", partial(undone, lambda: model.bulk_create([model(**good | bad)])))


def _others(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row if name != "id"}


def _other_columns(model: type[Any]) -> Iterator[str]:
    secrets = {field.model_field_name for field in secret_fields(model)}
    for name in model._meta.fields_db_projection:
        if name not in secrets and (model, name) not in LEFT_OUT:
            yield name


async def asking(failures: Failures, canaries: Canaries) -> None:
    """Collect uses of a secret column that are refused, with the secret itself as an argument."""
    for model in SECRET_MODELS:
        for field in secret_fields(model):
            for what, attempt in _questions(model, field, secret_value(field, canary_of(canaries, field))).items():
                await failures.expect(f"{model.__name__}.{field.model_field_name}, {what}", partial(undone, attempt))
    for model in MODELS:
        for relation in model._meta.fk_fields | model._meta.o2o_fields:
            for field in secret_fields(model._meta.fields_map[relation].related_model):  # type: ignore[attr-defined]
                path, value = f"{relation}__{field.model_field_name}", canary_of(canaries, field).text
                await failures.expect(f"{model.__name__}, filtered by {path}", partial(model.filter, **{path: value}))


def _later(call: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def run() -> Any:
        return await call()

    return run


def _questions(model: type[Any], field: SecretField[Any], value: Any) -> dict[str, Callable[[], Awaitable[Any]]]:
    name = field.model_field_name

    def look_up(lookup: str) -> Any:
        return model.filter(**{name + lookup: [value] if lookup == "__in" else value}).first()

    wanted: dict[str, Callable[[], Any]] = {f"filter{lookup}": partial(look_up, lookup) for lookup in _LOOKUPS}
    wanted |= {
        "get": lambda: model.get(**{name: value}),
        "Q": lambda: model.filter(Q(**{name: value}) | ~Q(**{name: value})).first(),
        "get_or_create": lambda: model.get_or_create(**{name: value}),
        "update_or_create": lambda: model.update_or_create(**{name: value}),
        "in_bulk": lambda: model.in_bulk([str(value)], name),
        "update": lambda: model.all().update(**{name: value}),
        "update with Concat": lambda: model.all().update(**{name: Concat(F(name), str(value))}),
        "a case": lambda: model.annotate(shown=Case(When(**{name: value}, then="1"), default="0")).first(),
        "paginate": lambda: paginate(model.all(), sort_by=name),
        "paginate_by_cursor": lambda: paginate_by_cursor(model.all(), sort_by=name),
        "raw SQL that breaks": lambda: model.annotate(shown=RawSQL(f"{name} / 0")).first(),
    }
    return {what: _later(call) for what, call in wanted.items()}


async def reading(
    failures: Failures, canaries: Canaries, rows: dict[type[Any], Any], patch: pytest.MonkeyPatch
) -> None:
    """Read rows that do not exist, are not unique, or can't be decrypted."""
    model: Any
    for model in SECRET_MODELS:
        gone = await model.get(id=rows[model].id)
        other = await model.create(**values(canaries, model, await _parents(canaries, model), " twin"))

        async def delete(model: type[Any] = model, key: Any = gone.id) -> None:
            await model.filter(id=key).delete()

        await failures.expect(f"{model.__name__}, saved when gone", partial(undone, _after(delete, gone.save)))
        await failures.expect(
            f"{model.__name__}, refreshed when gone", partial(undone, _after(delete, gone.refresh_from_db))
        )
        await failures.expect(
            f"{model.__name__}, get when gone", partial(undone, _after(delete, partial(_get, model, gone.id)))
        )
        await failures.expect(f"{model.__name__}, several", _later(model.get))
        for field in secret_fields(model):
            for what, stored in (await _broken(canaries, field, rows[model], other)).items():
                await failures.expect(
                    f"{model.__name__}.{field.model_field_name}, {what}",
                    partial(undone, partial(_read_broken, field, rows[model], stored)),
                )
    with patch.context() as keys:
        for what, key in (("another key", generate_key().get_secret_value()), ("no key", "")):
            keys.setenv("ENCRYPTION_KEYS", key)
            key_ring.cache_clear()
            for model in SECRET_MODELS:
                if any(isinstance(field, (EncryptedField, EncryptedJSONField)) for field in secret_fields(model)):
                    await failures.expect(
                        f"{model.__name__}, {what}", _later(partial(_open, await model.get(id=rows[model].id)))
                    )
    key_ring.cache_clear()


async def _parents(canaries: Canaries, model: type[Any]) -> dict[type[Any], Any]:
    parents: dict[type[Any], Any] = {}
    for name in model._meta.fk_fields | model._meta.o2o_fields:
        related = model._meta.fields_map[name].related_model
        parents[related] = await related.create(**values(canaries, related, {}, f" parent of {model.__name__}"))
    return parents


async def _get(model: type[Any], key: Any) -> Any:
    return await model.get(id=key)


def _after(first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await first()
        await second()

    return run


async def _open(instance: Any) -> None:
    opened(instance)


async def _broken(canaries: Canaries, field: SecretField[Any], row: Any, other: Any) -> dict[str, str]:
    """Yield stored values of an encrypted column that can't be decrypted."""
    table, column = field.model._meta.db_table, field.model_field_name
    canary = canary_of(canaries, field, " stored in the clear")
    stored, moved = [
        await fetch_one(f"SELECT {column} AS value FROM {table} WHERE id = $1", each.id) for each in (row, other)
    ]
    assert stored is not None
    assert moved is not None
    if isinstance(field, EncryptedField):
        return {
            "in the clear": canary.text,
            "moved": moved["value"],
            "altered": stored["value"][:-1] + ("A" if stored["value"][-1] != "A" else "B"),
            "cut": stored["value"][:40],
        }
    if isinstance(field, EncryptedJSONField):
        return {
            "in the clear": json.dumps({"password": [canary.text]}),
            "moved": moved["value"],
            "altered": stored["value"].replace("v1.", "v1.0", 1),
            "too deep": '{"password": ' * 300 + json.dumps(canary.text) + "}" * 300,
        }
    return {}


async def _read_broken(field: SecretField[Any], row: Any, stored: str) -> None:
    await execute(
        f"UPDATE {row._meta.db_table} SET {field.model_field_name} = $1 WHERE id = $2", SecretParameter(stored), row.id
    )
    opened(await type(row).get(id=row.id))
