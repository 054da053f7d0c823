"""Build models from rows with generated functions; several times faster than Tortoise.

The private names that are relied on, of Tortoise 1.1 (`tortoise-orm<1.2` in pyproject.toml): `Model._init_from_db` and
what it sets, `_partial`, `_saved_in_db`, `_custom_generated_pk` and `_await_when_save`; and of `Model._meta`
`db_native_fields`, `db_default_fields`, `db_complex_fields`, `db_pk_column` and `generated_db_fields`. With another
Tortoise there is no such function.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import tortoise
from tortoise.fields import UUIDField
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.models import MetaInfo, Model

from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.fields import TimestampField

if TYPE_CHECKING:
    from tortoise.fields.base import Field

Hydrator: TypeAlias = Callable[[Iterable[Any]], list[Any]]

VERSION: Final = "1.1."
_MAKERS: Final = frozenset({"tortoise.models", "medianest_models.models.base"})
"""Where the ways of making an instance from a row are that the generated functions do the same as."""

UNREADABLE: Final = (InvalidInputError, UnreadableValueError)
"""The errors of a field for a stored value that it can't read."""

_META: Final = frozenset(
    {"db_complex_fields", "db_default_fields", "db_native_fields", "db_pk_column", "generated_db_fields"}
)

_SOURCE: Final = """\
def hydrate(rows):
    models = []
    for {variables}, in rows:
        try:
            model = new(kind)
            put(model, "__dict__", {{
                "_partial": False, "_saved_in_db": True, "_custom_generated_pk": custom_pk, "_await_when_save": {{}},
                {attributes}
            }})
            {assignments}
        except unreadable:
            model = kind._init_from_db(**dict(zip(columns, ({variables},))))
        models.append(model)
    return models
"""
"""A function instead of a closure, which would take half as long again: it makes no tuple, and asks no question of a
column twice. The `__dict__` is put in the place of another, because attribute by attribute takes five times as long."""


def hydrator(model: type[Model], columns: tuple[str, ...]) -> Hydrator | None:
    """Find the function that makes of each row what `Model._init_from_db` does.

    Args:
        model: The class of the instances.
        columns: The rows' columns, in their order: the model's, and any others, which are left out.

    Returns:
        None when columns of the model are missing, or this is not a Tortoise that it is known of.
    """
    return _made(model, columns, len(model._meta.db_fields))


@functools.lru_cache(maxsize=256)
def _made(model: type[Model], columns: tuple[str, ...], known_columns: int) -> Hydrator | None:  # noqa: ARG001 - fewer before Tortoise was initialised
    if not knows(model) or not {*columns} >= model._meta.db_fields:
        return None
    meta = model._meta
    chosen = [*meta.db_native_fields, *meta.db_default_fields, *meta.db_complex_fields]
    names: dict[str, Any] = {
        "kind": model,
        "new": object.__new__,
        "put": object.__setattr__,
        "custom_pk": meta.db_pk_column not in meta.generated_db_fields,
        "columns": columns,
        "unreadable": UNREADABLE,
    }
    attributes, assignments = [], ["pass"]
    for column, attribute, field in chosen:
        value = variable = f"v{columns.index(column)}"
        if (column, attribute, field) in meta.db_default_fields:
            names[f"to_{variable}"] = field.field_type
            value = f"None if {variable} is None else to_{variable}({variable})"
        elif (column, attribute, field) in meta.db_complex_fields and not _is_identity(field):
            names[f"to_{variable}"], names[f"known_{variable}"] = field.to_python_value, _members(field)
            convert = f"to_{variable}({variable})"
            if isinstance(field, TimestampField):  # what is aware is in UTC, and what is naive is out of Python's range
                convert = f"{variable} if {variable} is None or {variable}.tzinfo else {convert}"
            value = f"known_{variable}.get({variable}) or {convert}" if names[f"known_{variable}"] else convert
        if hasattr(getattr(model, attribute, None), "__set__"):
            assignments.append(f"put(model, {attribute!r}, {value})")
        else:
            attributes.append(f"{attribute!r}: {value},")
    source = _SOURCE.format(
        variables=", ".join(f"v{index}" for index in range(len(columns))),
        attributes="\n                ".join(attributes),
        assignments="\n            ".join(assignments),
    )
    exec(compile(source, f"<hydrator of {model.__name__}>", "exec"), names)  # noqa: S102 - made of the model's own names
    made: Hydrator = names["hydrate"]
    return made


def _is_identity(field: Field[Any]) -> bool:
    """Whether a field takes what the driver gives as it is: a UUID."""
    return type(field).to_python_value is UUIDField.to_python_value


def _members(field: Field[Any]) -> dict[Any, Any]:
    """Map each value that an enum's field knows to what it makes of it."""
    if not isinstance(field, (CharEnumFieldInstance, IntEnumFieldInstance)):
        return {}
    convert = cast("Callable[[Any], Any]", field.to_python_value)
    return {member.value: convert(member.value) for member in field.enum_type}


def knows(model: type[Model]) -> bool:
    """Whether instances of a model are made as is taken for granted here."""
    return (
        tortoise.__version__.startswith(VERSION)
        and set(MetaInfo.__slots__) >= _META
        and model.__new__ is object.__new__
        and _maker(model) in _MAKERS
    )


def _maker(model: type[Model]) -> str | None:
    """Name the module of the class that makes the model's instances from rows."""
    return next((kind.__module__ for kind in model.__mro__ if "_init_from_db" in vars(kind)), None)
