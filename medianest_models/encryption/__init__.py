"""Secrets at rest: keys, envelopes, encrypted columns, guarded query sets, re-encryption, tokens, password hashes."""

from medianest_models.encryption.documents import EncryptedJSONField as EncryptedJSONField
from medianest_models.encryption.fields import (
    EncryptedField as EncryptedField,
    HashField as HashField,
    SecretField as SecretField,
    is_secret as is_secret,
    refuse as refuse,
)
from medianest_models.encryption.keys import generate_key as generate_key, key_ring as key_ring
from medianest_models.encryption.querysets import GuardedManager as GuardedManager
from medianest_models.encryption.stored_secrets import (
    SecretParameter as SecretParameter,
    hash_token as hash_token,
    new_token as new_token,
)
