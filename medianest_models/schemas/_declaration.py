"""Schemas: declared as classes for type checkers, and built from the models' columns.

The names in the class are the schema's fields: a column that is not named is in no schema.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn, Self, TypeVar, cast
from uuid import UUID

from pydantic import AwareDatetime, ModelWrapValidatorHandler, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from tortoise.contrib.pydantic import PydanticModel, pydantic_model_creator
from tortoise.fields import BigIntField, BooleanField, IntField, SmallIntField, UUIDField
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.models import Model

from medianest_models.encryption import is_secret
from medianest_models.errors import SecretFieldError, replace_errors
from medianest_models.fields import JSONField, TextField, TimestampField, VarcharField
from medianest_models.masking import MASK
from medianest_models.pagination.rows import remember_plain

if TYPE_CHECKING:
    Declared = PydanticModel
else:
    Declared = object  # the decorated class is never used: the decorator replaces it by the schema

DeclaredT = TypeVar("DeclaredT", bound=type)


def read_schema(model: type[Model]) -> Callable[[DeclaredT], DeclaredT]:
    """Build the schema for reading a model's row, as a class decorator. Every field is required.

    Raises:
        TypeError: The class names a secret column, or one that does not exist, or none.
    """

    def build(declared: DeclaredT) -> DeclaredT:
        if secrets := _secrets(declared, model):
            raise TypeError(f"{declared.__name__}: can't show {', '.join(secrets)}, which is secret")
        schema = _build(declared, model, _Schema, extra="ignore")
        if _is_plain(declared, model):
            remember_plain(schema, model)
        return schema

    return build


def write_schema(model: type[Model]) -> Callable[[DeclaredT], DeclaredT]:
    """Build the schema for writing to a model's row, as a class decorator; it rejects other fields.

    A schema that can contain a secret can't be pickled.

    Raises:
        TypeError: The class names a column that does not exist, or none.
    """

    def build(declared: DeclaredT) -> DeclaredT:
        base = _SecretSchema if _secrets(declared, model) else _Schema
        return _build(declared, model, base, extra="forbid")

    return build


class _Schema(PydanticModel):
    """The base of all schemas: neither a schema nor an error keeps the validated input."""

    @model_validator(mode="wrap")
    @classmethod
    def _tortoise_wrap(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Replace PydanticModel's validator, which keeps the model's instance with all its values."""
        with replace_errors(ValidationError, _without_input):
            return handler(values)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Validate JSON as pydantic does, but without the whole text in the error for invalid JSON."""
        with replace_errors(ValidationError, _without_input):
            return super().model_validate_json(json_data, **options)


class _SecretSchema(_Schema):
    def __getstate__(self) -> NoReturn:
        raise SecretFieldError(f"{type(self).__name__} can hold secrets, which a pickle would show")


def _build(
    declared: DeclaredT, model: type[Model], base: type[_Schema], *, extra: Literal["ignore", "forbid"]
) -> DeclaredT:
    hints = inspect.get_annotations(declared)
    if unknown := hints.keys() - model._meta.fields_db_projection.keys():
        raise TypeError(f"{declared.__name__}: {model.__name__} has no column {', '.join(sorted(unknown))}")
    if not hints:  # Tortoise would take every column, with the secrets
        raise TypeError(f"{declared.__name__}: names no column")
    made = pydantic_model_creator(model, name=declared.__name__, include=tuple(hints), module=declared.__module__)
    body = vars(declared)
    fields: dict[str, Any] = {
        name: (_with_constraints(hint, made, model, name), body.get(name, ...)) for name, hint in hints.items()
    }
    schema = create_model(
        declared.__name__,
        __base__=(base, made),
        __doc__=declared.__doc__,
        __module__=declared.__module__,
        __namespace__={name: body[name] for name in body if name not in hints and not name.startswith("__")},
        # No title, so that a subclass of the schema gets its own name in a JSON schema.
        __cls_kwargs__={"title": None, "extra": extra, "hide_input_in_errors": True},
        **fields,
    )
    return cast("DeclaredT", schema)


_TYPES: Final[dict[type[Field[Any]], Any]] = {
    **dict.fromkeys((BigIntField, IntField, SmallIntField), int),
    **dict.fromkeys((TextField, VarcharField), str),
    BooleanField: bool,
    JSONField: Any,
    TimestampField: AwareDatetime,
    UUIDField: UUID,
}
"""The type of a schema's field that takes each value of a column as it is."""


def _is_plain(declared: type, model: type[Model]) -> bool:
    """Return whether a class only names columns, with the types that these have."""
    hints = inspect.get_annotations(declared)
    if any(not name.startswith("__") for name in vars(declared)):  # such as a validator, or a default
        return False
    for name, hint in hints.items():
        field = model._meta.fields_map[name]
        plain = getattr(field, "enum_type", None) or _TYPES.get(type(field))
        if plain is None or hint not in (plain, plain | None) or (field.null and hint not in (Any, plain | None)):
            return False
    return True


def _with_constraints(hint: Any, made: type[PydanticModel], model: type[Model], name: str) -> Any:
    """Add the column's constraints, such as a length, to a declared type; an enum needs none."""
    constraints = made.model_fields[name].metadata
    if not constraints or isinstance(model._meta.fields_map[name], (CharEnumFieldInstance, IntEnumFieldInstance)):
        return hint
    return Annotated[hint, *constraints]


def _without_input(error: ValidationError) -> ValidationError:
    """Copy an error without its input value."""
    problems = []
    problem: Any  # its texts are not literals, which pydantic's type for custom errors requires
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        reason = PydanticCustomError(problem["type"], problem["msg"])
        problems.append(InitErrorDetails(type=reason, loc=problem["loc"], input=MASK))
    return ValidationError.from_exception_data(error.title, problems, hide_input=True)


def _secrets(declared: type, model: type[Model]) -> list[str]:
    columns = model._meta.fields_map
    return [name for name in inspect.get_annotations(declared) if name in columns and is_secret(columns[name])]
