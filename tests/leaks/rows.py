"""One row of every table, with a canary in every secret column.

No secret column is named here: they are found through the models.
"""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Any, Final

from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import BooleanField, CharField, IntField, JSONField, UUIDField
from tortoise.fields.base import Field
from tortoise.fields.data import DatetimeField
from tortoise.fields.relational import ForeignKeyFieldInstance

from medianest_models import models
from medianest_models.encryption import HashField, is_secret
from medianest_models.encryption.fields import SecretField
from medianest_models.fields import TextField
from medianest_models.models.base import Base
from tests.leaks.canaries import Canaries, Canary, Kind, secret_value

MODELS: Final[tuple[type[Base], ...]] = tuple(getattr(models, name) for name in models.__all__)

LEFT_OUT: Final = {(models.RateLimit, "ip_address"), (models.RollingRateLimit, "ip_address")}
"""Columns that can't be filled together with the others: a counter belongs to either a user or an address."""


def secret_fields(model: type[Base]) -> list[SecretField[Any]]:
    """Return the secret columns of a model."""
    found = [field for field in model._meta.fields_map.values() if is_secret(field)]
    assert all(isinstance(field, SecretField) for field in found)
    return [field for field in found if isinstance(field, SecretField)]


SECRET_MODELS: Final = tuple(model for model in MODELS if secret_fields(model))


def canary_of(canaries: Canaries, field: SecretField[Any], variant: str = "") -> Canary:
    """Return the canary of a secret column, which differs by variant."""
    kind = Kind.HASH if isinstance(field, HashField) else Kind.SECRET
    return canaries.new(f"{field.model.__name__}.{field.model_field_name}{variant}", kind)


def secrets_of(canaries: Canaries, model: type[Base], variant: str = "") -> dict[str, Any]:
    """Return values for all secret columns of a model."""
    return {
        field.model_field_name: secret_value(field, canary_of(canaries, field, variant))
        for field in secret_fields(model)
    }


def url_with_credentials(canaries: Canaries) -> str:
    """Return the URL of a service with credentials in every possible place."""
    user, password, parameter = (
        canaries.new(f"{part} of a service's URL", Kind.CREDENTIAL).text for part in ("user", "password", "parameter")
    )
    return f"https://{user}:{password}@plex.local:32400/web?X-Plex-Token={parameter}&page=1#access_token={parameter}"


def values(canaries: Canaries, model: type[Base], related: dict[type[Any], Any], variant: str = "") -> dict[str, Any]:
    """Return arguments for a model's constructor, with a value for every column.

    Args:
        canaries: The source of the secrets' values.
        model: The model.
        related: A row of each model that the model refers to.
        variant: A number by which unique values and canaries differ.
    """
    made = secrets_of(canaries, model, variant)
    raw = {
        field.source_field for field in model._meta.fields_map.values() if isinstance(field, ForeignKeyFieldInstance)
    }
    for name, field in model._meta.fields_map.items():
        if name in made or name in raw or (model, name) in LEFT_OUT or field.pk:
            continue
        if isinstance(field, ForeignKeyFieldInstance):
            made[name] = related[field.related_model]
        elif name in model._meta.fields_db_projection:
            is_masked = hasattr(model, f"masked_{name}")
            made[name] = url_with_credentials(canaries) if is_masked else value(field, variant)
    return made


def value(field: Field[Any], variant: str = "") -> Any:
    """Return a valid value for a column."""
    enum: type[Enum] | None = getattr(field, "enum_type", None)
    if enum is not None:
        return next(iter(enum))
    if isinstance(field, (CharField, TextField)):
        return f"{field.model_field_name} {field.model.__name__}{variant}"[: getattr(field, "max_length", None)]
    if isinstance(field, DatetimeField):
        place = list(field.model._meta.fields_map).index(field.model_field_name)  # so that what ends has begun before
        return datetime.datetime(2026, 1, 2, 3, 4, place, 678901, tzinfo=datetime.UTC)
    if isinstance(field, JSONField):
        return {"list": [1, 2.5, None, True], "text": "ü"}
    if isinstance(field, ArrayField):
        return [7] * 11
    if isinstance(field, UUIDField):
        return field.default() if callable(field.default) else None
    if isinstance(field, BooleanField):
        return True
    assert isinstance(field, IntField) or field.field_type is int, f"{field.model_field_name}: teach me its type"
    return 7


async def make_rows(canaries: Canaries, variant: str = "") -> dict[type[Any], Any]:
    """Make and save a row of every model."""
    rows: dict[type[Any], Any] = {}
    for model in sorted(MODELS, key=_depth):
        rows[model] = await model.create(**values(canaries, model, rows, variant))
    return rows


def related_models(model: type[Any]) -> set[type[Any]]:
    """Return the models that a model's columns refer to."""
    return {
        field.related_model
        for field in model._meta.fields_map.values()
        if isinstance(field, ForeignKeyFieldInstance) and field.related_model is not model
    }


def _depth(model: type[Any]) -> int:
    return 1 + max(map(_depth, related_models(model)), default=0)
