"""Secrets in memory, none of which shows itself: as they were read, to be decrypted, to be written; and new tokens."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, NamedTuple

from pydantic import SecretStr

from medianest_models.encryption.keys import SecretContext, key_ring
from medianest_models.masking import MASK


class StoredSecret(SecretStr):
    """A secret as read from the database: it holds the envelope, and decrypts it only when code asks for the value.

    Its copies and pickles hold only the envelope.
    """

    def __init__(self, envelope: str, context: SecretContext) -> None:  # the base class would keep a plaintext
        self.envelope = envelope
        self.context = context

    def get_secret_value(self) -> str:
        """Decrypt it, as `KeyRing.decrypt` does."""
        return key_ring().decrypt(self.envelope, self.context)

    def _display(self) -> str:
        return MASK

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretStr):
            return NotImplemented
        return secrets.compare_digest(self.get_secret_value().encode(), other.get_secret_value().encode())

    __hash__ = SecretStr.__hash__

    def __reduce__(self) -> tuple[type[StoredSecret], tuple[str, SecretContext]]:
        return StoredSecret, (self.envelope, self.context)


class StoredValue:
    """The stored form of a secret column's value; not a str, so that printing `vars()` does not show it."""

    __slots__ = ("stored",)

    def __init__(self, stored: str) -> None:
        self.stored = stored

    def __repr__(self) -> str:
        return repr(MASK)

    def __reduce__(self) -> tuple[type[StoredValue], tuple[str]]:
        return StoredValue, (self.stored,)


class SecretParameter(str):
    """A statement's parameter that the query log must not show."""

    __slots__ = ()
    secret: Final = True

    def __repr__(self) -> str:
        return repr(MASK)


class Token(NamedTuple):
    """A token and what is stored of it."""

    raw: SecretStr
    hash: SecretParameter


def new_token() -> Token:
    """Make a token of 256 random bits, to be shown once, with the hash to store."""
    raw = secrets.token_urlsafe(32)
    return Token(SecretStr(raw), hash_token(raw))


def hash_token(raw: str) -> SecretParameter:
    """Hash a token with SHA-256, in hexadecimal. A token is random: it needs no salt and no slow hash."""
    return SecretParameter(hashlib.sha256(raw.encode(errors="surrogatepass")).hexdigest())
