"""The column types: stricter than Tortoise's, with errors that name the column and never contain a value."""

from medianest_models.fields.json import JSONField
from medianest_models.fields.scalars import EnumField, IntEnumField, TextField, TimestampField, VarcharField

__all__ = ["EnumField", "IntEnumField", "JSONField", "TextField", "TimestampField", "VarcharField"]
