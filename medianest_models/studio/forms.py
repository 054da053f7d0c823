"""Forms as they come back: what was changed, and the field of an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import SecretStr

from medianest_models.errors import ConstraintError, InvalidInputError, InvalidTransitionError, MedianestError
from medianest_models.studio.secret_fields import REMOVE
from medianest_models.studio.table import as_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette_admin.fields import BaseField
    from tortoise.models import Model


def text(value: Any) -> str:
    """Convert a form's value to text, to be compared."""
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value).replace("\r\n", "\n")


def is_change(given: Any, before: str | None) -> bool:
    """Return whether a field was typed into."""
    if given is REMOVE or isinstance(given, SecretStr):
        return True
    return text(given) != (before or "")


def shown_before(sent: Any) -> dict[str, str] | None:
    """Read the values that the form showed when it was loaded; None when they were not sent along."""
    try:
        shown = orjson.loads(sent)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return shown if isinstance(shown, dict) else None


def related_id(model: type[Model], typed: str) -> Any:
    """Read the id of a row of another table.

    Raises:
        InvalidInputError: It is none.
    """
    row_id = as_id(model, typed)
    if row_id is None:
        raise InvalidInputError("is not the id of a row")
    return row_id


def without_column(error: MedianestError) -> str:
    """Cut the column's name, which the field already has, from a message."""
    return re.sub(r"^[a-z_]+(\.[a-z_]+)?: ", "", str(error))


def field_of(error: MedianestError, table: type[Model], fields: Sequence[BaseField]) -> str | None:
    """Find the field that an error is about, by the constraint's name or the column that begins the message."""
    if isinstance(error, InvalidTransitionError):
        return "status"
    place = (isinstance(error, ConstraintError) and error.constraint) or str(error).partition(":")[0]
    place = re.sub(rf"^(uq_|ck_|fk_)?({table._meta.db_table}[_.])?", "", place)
    columns = table._meta.fields_map
    names = {getattr(columns.get(field.name), "source_field", None) or field.name: field.name for field in fields}
    fitting = [column for column in names if re.match(rf"{column}(?![a-z])", place)]
    return names[max(fitting, key=len)] if fitting else None
