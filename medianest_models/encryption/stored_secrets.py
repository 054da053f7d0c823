"""Secrets in memory, none of which shows itself: as they were read, to be decrypted, and to be written."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from medianest_models.encryption.keys import key_ring
from medianest_models.masking import MASK

if TYPE_CHECKING:
    from medianest_models.encryption.envelopes import SecretContext


class StoredSecret(SecretStr):
    """A secret as it was read from the database: it holds the envelope and decrypts when its value is asked for.

    Copies and pickles of it hold the envelope only.
    """

    def __init__(self, envelope: str, context: SecretContext) -> None:  # the base would keep a plaintext
        self.envelope = envelope
        self.context = context

    def get_secret_value(self) -> str:
        """Decrypt it.

        Raises:
            DecryptionError: See `KeyRing.decrypt`.
        """
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
    """The stored form of a secret column's value; no text, so that nothing that shows `vars()` shows it."""

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
