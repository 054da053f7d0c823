"""Secrets at rest: keys, envelopes, encrypted columns, guarded query sets, re-encryption, tokens, password hashes."""

from medianest_models.encryption.documents import EncryptedJSONField
from medianest_models.encryption.fields import (
    EncryptedField,
    HashField,
    SecretField,
    is_secret,
    refuse,
)
from medianest_models.encryption.keys import generate_key, key_ring
from medianest_models.encryption.querysets import GuardedManager
from medianest_models.encryption.stored_secrets import SecretParameter, hash_token, new_token

__all__ = [
    "EncryptedField",
    "EncryptedJSONField",
    "GuardedManager",
    "HashField",
    "SecretField",
    "SecretParameter",
    "generate_key",
    "hash_token",
    "is_secret",
    "key_ring",
    "new_token",
    "refuse",
]
