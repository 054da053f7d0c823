"""The encryption keys, the envelopes that they make, and the file of the key for development.

An envelope is the text form of an encrypted value, `v1.<key id>.<nonce and ciphertext>`, by AES-256-GCM. With the value
is authenticated where it belongs (table, column, natural key of its row), so that an envelope which was altered, or
copied to another row or column, does not decrypt.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from medianest_models.checks import is_unicode
from medianest_models.errors import ConfigurationError, DecryptionError, InvalidInputError
from medianest_models.settings import load_settings
from medianest_models.settings.keys import KEY_BYTES, decode_base64, decode_key, decode_keys

_NONCE_BYTES: Final = 12  # 96 bits, NIST SP 800-38D's recommendation for GCM
_VERSION: Final = "v1"
_ENVELOPE: Final = re.compile(rf"{_VERSION}\.(?P<key_id>[0-9a-f]{{16}})\.(?P<payload>[A-Za-z0-9_-]+)")


class SecretContext(NamedTuple):
    """The place a secret belongs to; it decrypts nowhere else."""

    table: str
    column: str
    row: str
    """The row's natural key, such as a user's `plex_id`: an id would change under an upsert."""

    @property
    def name(self) -> str:
        """The table and the column, for a message."""
        return f"{self.table}.{self.column}"

    def associated_data(self, key_id: str) -> bytes:
        """Make the bytes that are authenticated with a value: a list in JSON, which can't be read in two ways."""
        return json.dumps([_VERSION, key_id, *self]).encode()


def envelope_key_id(text: str) -> str | None:
    """Read the id of the key that an envelope was made with; None when `text` is no envelope."""
    match = _ENVELOPE.fullmatch(text)
    return match["key_id"] if match else None


class KeyRing:
    """The encryption keys of 32 bytes, newest first: the newest encrypts, every one of them decrypts."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._ciphers = {
            hashlib.sha256(b"medianest encryption key id\0" + key).hexdigest()[:16]: AESGCM(key) for key in keys
        }
        if not self._ciphers:
            raise ConfigurationError("ENCRYPTION_KEYS: there is no key")
        self.newest_id: Final = next(iter(self._ciphers))
        """The id of the key that encrypts; each of its envelopes contains it."""

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._ciphers

    @classmethod
    def parse(cls, texts: Iterable[SecretStr]) -> KeyRing:
        """Make a ring of keys in base64, as `ENCRYPTION_KEYS` holds them; an error gives a key's place, no value."""
        return cls(decode_keys(texts))

    def encrypt(self, plaintext: str, context: SecretContext) -> str:
        """Make the envelope of a text, for use in that place only."""
        if not isinstance(plaintext, str):  # a SecretStr may hold any object
            raise InvalidInputError(f"{context.name}: must be a text, not {type(plaintext).__name__}")
        if not is_unicode(plaintext):
            raise InvalidInputError(f"{context.name}: the text is not valid Unicode")
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self.newest_id]
        ciphertext = cipher.encrypt(nonce, plaintext.encode(), context.associated_data(self.newest_id))
        return f"{_VERSION}.{self.newest_id}.{encode_base64(nonce + ciphertext)}"

    def decrypt(self, envelope: str, context: SecretContext) -> str:
        """Decrypt an envelope that was made for that place, was not altered, and whose key is in the ring."""
        key_id = envelope_key_id(envelope)
        if key_id is None:
            raise DecryptionError(f"{context.name}: what is stored is not an encrypted value")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise DecryptionError(f"{context.name}: encrypted under key {key_id}, which is not in ENCRYPTION_KEYS")
        try:
            payload = decode_exactly(envelope.rpartition(".")[2])
            nonce, ciphertext = payload[:_NONCE_BYTES], payload[_NONCE_BYTES:]
            return cipher.decrypt(nonce, ciphertext, context.associated_data(key_id)).decode()
        except (InvalidTag, ValueError):
            raise DecryptionError(f"{context.name}: the ciphertext was altered or belongs to another row") from None


def generate_key() -> SecretStr:
    """Make a new key, in base64, to be put first in `ENCRYPTION_KEYS`."""
    return SecretStr(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())


@functools.cache
def key_ring() -> KeyRing:
    """Load this process's keys: `ENCRYPTION_KEYS`, or in development with the embedded server the key file.

    Loaded once; `key_ring.cache_clear()` makes the next call read the settings again. Without a key, and for one that
    is unusable, it raises a ConfigurationError.
    """
    settings = load_settings()
    if settings.encryption_keys:
        return KeyRing.parse(settings.encryption_keys)
    if settings.is_production or settings.database_url is not None:
        raise ConfigurationError(
            "ENCRYPTION_KEYS: not set, and a secret has to be read or written; "
            "`medianest secrets generate-key` makes a key"
        )
    return KeyRing([decode_key(_development_key(settings.key_file), f"{settings.key_file}: what is in it")])


def _development_key(path: Path) -> SecretStr:
    """Read the key file of the embedded server; create it on first use, safely if several processes do so at once."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(generate_key().get_secret_value() + "\n")
                os.link(draft, path)
            except FileExistsError:
                pass  # another process was first: its key is used
            finally:
                os.unlink(draft)  # noqa: PTH108 - tempfile returns the draft's path as a str
        return SecretStr(path.read_text(encoding="ascii", errors="replace").strip())
    except OSError as error:
        raise ConfigurationError(f"ENCRYPTION_KEYS: not set, and {path} can't be used ({error.strerror})") from None


def encode_base64(data: bytes) -> str:
    """Write base64 in the alphabet for URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_exactly(text: str) -> bytes:
    """Read what `encode_base64` wrote, and nothing else."""
    data = decode_base64(text)
    if encode_base64(data) != text:  # base64 has bits to spare in its last letter: an altered one must not pass
        raise ValueError
    return data
