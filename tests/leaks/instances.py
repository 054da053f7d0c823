"""Instances in every possible state, and every way to show one."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from pydantic import TypeAdapter
from tortoise.exceptions import NoValuesFetched
from tortoise.fields.relational import ReverseRelation

from medianest_models.db.statements import fetch
from medianest_models.models.base import Base
from tests.leaks.canaries import Canaries, texts_in
from tests.leaks.rows import MODELS, secret_fields, secrets_of, values

WITH_UNSAVED_SECRETS: Final = ("unsaved", "assigned", "cloned and assigned")


async def states(canaries: Canaries, rows: dict[type[Any], Any]) -> dict[tuple[str, str], Base]:
    """Return an instance of every model in every state, by the names of both."""
    found: dict[tuple[str, str], Base] = {}
    for model in MODELS:
        for state, instance in (await _states_of(canaries, model, rows)).items():
            found[model.__name__, state] = instance
    return found


async def _states_of(canaries: Canaries, model: type[Any], rows: dict[type[Any], Any]) -> dict[str, Any]:
    key = rows[model].id
    select = f"SELECT * FROM {model._meta.db_table}"
    (row,) = await fetch(f"{select} WHERE id = $1", key)
    assigned, looked_at, refreshed = [await model.get(id=key) for _ in range(3)]
    assigned.update_from_dict(secrets_of(canaries, model, " assigned"))
    opened(looked_at)
    await refreshed.refresh_from_db()
    bound = {field.bound_to for field in secret_fields(model) if field.bound_to}
    secrets = {field.model_field_name for field in secret_fields(model)}
    return {
        "saved": rows[model],
        "unsaved": model(**values(canaries, model, rows, " unsaved")),
        "fetched": await model.get(id=key),
        "assigned": assigned,
        "looked at": looked_at,
        "refreshed": refreshed,
        "from a row": model.from_row(row),
        "raw": (await model.raw(f"{select} WHERE id = '{key}'"))[0],
        "with its secrets only": await model.all().only("id", *bound, *secrets).get(id=key),
        "without its secrets": await model.all().only("id").get(id=key),
        "with relations": await model.all().prefetch_related(*model._meta.fetch_fields).get(id=key),
        "with joined relations": await model.all()
        .select_related(*(model._meta.fk_fields | model._meta.o2o_fields))
        .get(id=key),
        "copied": copy.copy(await model.get(id=key)),
        "deep-copied": copy.deepcopy(rows[model]),
        "deep-copied after being looked at": copy.deepcopy(looked_at),
        "unpickled": pickle.loads(pickle.dumps(rows[model])),  # noqa: S301 - our own
        "cloned": rows[model].clone(),
        "cloned and assigned": assigned.clone(),
    }


def opened(instance: Base) -> list[Any]:
    """Return the instance's decrypted secrets, as an application uses them."""
    fetched = [
        field.model_field_name for field in secret_fields(type(instance)) if field.model_field_name in vars(instance)
    ]
    return [_open(getattr(instance, name)) for name in fetched]


def _open(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _open(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_open(item) for item in value]
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def _secrets(instance: Base) -> list[Any]:
    return [getattr(instance, field.model_field_name, None) for field in secret_fields(type(instance))]


def _log_line(*values: object) -> str:
    record = logging.getLogger().makeRecord("", logging.INFO, "", 1, "%s %r %s", values, None)
    return logging.Formatter().format(record)


def _traceback(*values: object) -> str:
    return "".join(traceback.format_exception(ValueError(*values)))


def _related(instance: Any) -> Iterator[str]:
    """Return the texts of the instances that were fetched with it."""
    for name in instance._meta.fetch_fields:
        with suppress(NoValuesFetched, AttributeError):  # not fetched
            value = getattr(instance, name)
            for related in [*value] if isinstance(value, ReverseRelation) else [value]:
                yield repr(related)
                if isinstance(related, Base):
                    yield from texts_in(dict(related))


SHOWN_AS: Final[dict[str, Callable[[Any], Iterable[str]]]] = {
    "str": lambda instance: [str(instance), f"{instance}", f"{instance!a}", f"{instance:}"],
    "repr": lambda instance: [repr(instance), repr([instance]), repr({"a": instance})],
    "dict": lambda instance: [*texts_in(dict(instance)), repr(dict(instance)), pprint.pformat(dict(instance))],
    "list": lambda instance: [*texts_in(list(instance)), repr(list(instance))],
    "items": lambda instance: [f"{key}={value}" for key, value in instance],
    "json": lambda instance: [json.dumps(dict(instance), default=str), json.dumps(dict(instance), default=repr)],
    "pydantic": lambda instance: [
        repr(TypeAdapter(Any).dump_json([dict(instance), _secrets(instance)], fallback=repr)),
    ],
    "its secrets": lambda instance: [*texts_in(_secrets(instance)), repr(_secrets(instance))],
    "log line": lambda instance: [_log_line(instance, instance, dict(instance))],
    "traceback": lambda instance: [_traceback(instance, _secrets(instance), dict(instance))],
    "its relations": _related,
    "copy": lambda instance: [*texts_in(dict(copy.copy(instance))), repr(copy.copy(instance))],
    "deepcopy": lambda instance: [*texts_in(dict(copy.deepcopy(instance))), repr(_secrets(copy.deepcopy(instance)))],
}
"""Each way to show an instance, with the resulting texts."""

HELD_AS: Final[dict[str, Callable[[Any], Iterable[str]]]] = {
    "vars": lambda instance: [*texts_in(vars(instance)), repr(vars(instance)), pprint.pformat(vars(instance))],
    "vars of a copy": lambda instance: [*texts_in(vars(copy.copy(instance)))],
    "vars of a deepcopy": lambda instance: [*texts_in(vars(copy.deepcopy(instance)))],
}
"""Each way to show an instance's values in which a service's URL is not masked."""
