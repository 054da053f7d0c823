"""The columns' types: stricter than Tortoise's, with errors that name the column and never hold a value."""

from medianest_models.fields.enums import EnumField, IntEnumField
from medianest_models.fields.instants import InstantField
from medianest_models.fields.json import JSONField
from medianest_models.fields.secret_json import EncryptedJSONField
from medianest_models.fields.secrets import EncryptedField, HashField, is_secret
from medianest_models.fields.text import TextField, VarcharField

__all__ = [
    "EncryptedField",
    "EncryptedJSONField",
    "EnumField",
    "HashField",
    "InstantField",
    "IntEnumField",
    "JSONField",
    "TextField",
    "VarcharField",
    "is_secret",
]
