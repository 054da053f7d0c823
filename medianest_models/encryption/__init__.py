"""Secrets at rest: the key ring, envelopes, encrypted columns, guarded query sets, re-encryption, password hashes."""

from medianest_models.encryption.documents import EncryptedJSONField
from medianest_models.encryption.fields import EncryptedField, HashField, is_secret

__all__ = ["EncryptedField", "EncryptedJSONField", "HashField", "is_secret"]
