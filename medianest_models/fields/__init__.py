"""The columns' types: stricter than Tortoise's, with errors that name the column and never hold a value."""

from medianest_models.fields.enums import EnumField, IntEnumField
from medianest_models.fields.json import JSONField
from medianest_models.fields.text import TextField, VarcharField
from medianest_models.fields.timestamps import TimestampField

__all__ = [
    "EnumField",
    "IntEnumField",
    "JSONField",
    "TextField",
    "TimestampField",
    "VarcharField",
]
