"""Forms as they come back: what was changed, which values were typed, and the field of an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import SecretStr
from starlette_admin.exceptions import FormValidationError
from starlette_admin.fields import BaseField
from tortoise.models import Model

from medianest_models.encryption import is_secret
from medianest_models.errors import ConstraintError, InvalidInputError, InvalidTransitionError, MedianestError
from medianest_models.studio.columns import attribute
from medianest_models.studio.fields import TypedField


def text(value: Any) -> str:
    """Convert a form's value to text, to be compared."""
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value).replace("\r\n", "\n")


def is_change(given: Any, before: str | None) -> bool:
    """Return whether a field was edited."""
    return isinstance(given, SecretStr) or text(given) != (before or "")


def shown_before(sent: Any) -> dict[str, str] | None:
    """Read the values that the form showed when it was loaded; None if the request does not contain them."""
    try:
        shown = orjson.loads(sent)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return shown if isinstance(shown, dict) else None


def read_values(
    table: type[Model], fields: Sequence[BaseField], typed: Mapping[str, Any], *, creating: bool
) -> dict[str, Any]:
    """Read the values of what was typed, each under the name of its attribute; None for what is empty.

    In a new row, which is being created, an empty field may stand for a default.

    Raises:
        FormValidationError: Something can't be read or stored.
    """
    values: dict[str, Any] = {}
    problems: dict[str | int, Any] = {}
    for field in fields:
        if field.name in typed:
            try:
                value = _read(table, field, typed[field.name], creating=creating)
            except InvalidInputError as error:
                problems[field.name] = without_column(error)
            else:
                values[attribute(table, field.name)] = value
    if problems:
        raise FormValidationError(problems)
    return values


def _read(table: type[Model], field: BaseField, typed: Any, *, creating: bool) -> Any:
    value = field.read(typed) if isinstance(field, TypedField) and isinstance(typed, str) and typed else typed
    if value in ("", SecretStr("")):
        value = None
    column: Any = table._meta.fields_map.get(field.name)
    if column is None:
        return value
    has_default = column.has_db_default() or column.default is not None
    if value is None and not column.null and not (creating and has_default):
        raise InvalidInputError("must not be empty")
    if value is not None and not is_secret(column) and field.name in table._meta.fields_db_projection:
        column.to_db_value(value, table)  # refuses what the column can't hold
    return value


def without_column(error: MedianestError) -> str:
    """Remove the column's name, which the field already shows, from a message."""
    return re.sub(r"^[a-z_]+(\.[a-z_]+)?: ", "", str(error))


def field_of(error: MedianestError, table: type[Model], fields: Sequence[BaseField]) -> str | None:
    """Find the field that an error is about, by the constraint's name or the column that begins the message."""
    if isinstance(error, InvalidTransitionError):
        return "status"
    place = (isinstance(error, ConstraintError) and error.constraint) or str(error).partition(":")[0]
    place = re.sub(rf"^(uq_|ck_|fk_)?({table._meta.db_table}[_.])?", "", place)
    names = {attribute(table, field.name): field.name for field in fields}
    fitting = [column for column in names if re.match(rf"{column}(?![a-z])", place)]
    return names[max(fitting, key=len)] if fitting else None
