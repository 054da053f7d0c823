"""Encryption of secrets at rest, and the tokens of which only a hash is stored.

A secret is encrypted with AES-256-GCM and kept as a text envelope, `v1.<key id>.<nonce and ciphertext>`. The
place it belongs to (table, column, natural key of its row) is authenticated with it, so that an envelope which
was altered, or copied to another row or column, does not decrypt.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
import secrets
import tempfile
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from medianest_models.checks import is_unicode
from medianest_models.errors import ConfigurationError, DecryptionError, InvalidInputError
from medianest_models.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # 96 bits, NIST SP 800-38D's recommendation for GCM
_VERSION: Final = "v1"
_ENVELOPE: Final = re.compile(rf"{_VERSION}\.(?P<key_id>[0-9a-f]{{16}})\.(?P<payload>[A-Za-z0-9_-]+)")


class SecretContext(NamedTuple):
    """The place a secret belongs to; it decrypts nowhere else."""

    table: str
    column: str
    row: str
    """The row's natural key, such as a user's `plex_id`: an id would change under an upsert."""


class SecretParameter(str):
    """A statement's parameter that the query log must not show."""

    __slots__ = ()
    secret: Final = True

    def __repr__(self) -> str:
        return "'**********'"


class KeyRing:
    """The encryption keys, newest first: the newest encrypts, every one of them decrypts.

    Args:
        keys: Keys of 32 bytes each.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        if not self._ciphers:
            raise ConfigurationError("ENCRYPTION_KEYS: there is no key")
        self.newest_id: Final = next(iter(self._ciphers))
        """The id of the key that encrypts; it stands in every envelope made with it."""

    @classmethod
    def parse(cls, texts: Iterable[SecretStr]) -> KeyRing:
        """The ring of keys written in base64, as `ENCRYPTION_KEYS` holds them.

        Raises:
            ConfigurationError: A key is not 32 bytes in base64. The message gives its place, not its value.
        """
        return cls([_parse_key(text, f"ENCRYPTION_KEYS: key {place}") for place, text in enumerate(texts, start=1)])

    def encrypt(self, plaintext: str, context: SecretContext) -> str:
        """The envelope of `plaintext`, for use in that place only."""
        nonce = os.urandom(_NONCE_BYTES)
        data = _encode(plaintext, context)
        ciphertext = self._ciphers[self.newest_id].encrypt(nonce, data, _associated(self.newest_id, context))
        return f"{_VERSION}.{self.newest_id}.{_encode_payload(nonce + ciphertext)}"

    def decrypt(self, envelope: str, context: SecretContext) -> str:
        """The plaintext of an envelope that was made for that place.

        Raises:
            DecryptionError: The envelope was altered or moved, its key is not in the ring, or it is none.
        """
        key_id = envelope_key_id(envelope)
        where = f"{context.table}.{context.column}"
        if key_id is None:
            raise DecryptionError(f"{where}: what is stored is not an encrypted value")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise DecryptionError(f"{where}: encrypted under key {key_id}, which is not in ENCRYPTION_KEYS")
        try:
            payload = _decode_payload(envelope.rsplit(".", 1)[1])
            data = cipher.decrypt(payload[:_NONCE_BYTES], payload[_NONCE_BYTES:], _associated(key_id, context))
        except (InvalidTag, ValueError):
            raise DecryptionError(f"{where}: the ciphertext was altered or belongs to another row") from None
        return data.decode()


class StoredSecret(SecretStr):
    """A secret as it was read from the database: it holds the envelope and decrypts when its value is asked for.

    Copies and pickles of it hold the envelope only.
    """

    def __init__(self, envelope: str, context: SecretContext) -> None:  # the base would keep a plaintext
        self.envelope = envelope
        self.context = context

    def get_secret_value(self) -> str:
        """The plaintext.

        Raises:
            DecryptionError: See `KeyRing.decrypt`.
        """
        return key_ring().decrypt(self.envelope, self.context)

    def _display(self) -> str:
        return "**********"

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretStr):
            return NotImplemented
        return secrets.compare_digest(self.get_secret_value().encode(), other.get_secret_value().encode())

    __hash__ = SecretStr.__hash__

    def __reduce__(self) -> tuple[type[StoredSecret], tuple[str, SecretContext]]:
        return StoredSecret, (self.envelope, self.context)


class Token(NamedTuple):
    """A token and what is stored of it."""

    raw: SecretStr
    hash: SecretParameter


def new_token() -> Token:
    """A fresh token of 256 random bits, to be shown once, with the hash to store."""
    raw = secrets.token_urlsafe(32)
    return Token(SecretStr(raw), hash_token(raw))


def hash_token(raw: str) -> SecretParameter:
    """The SHA-256 of a token, in hexadecimal. A token is random, so that it needs no salt and no slow hash."""
    return SecretParameter(hashlib.sha256(raw.encode(errors="surrogatepass")).hexdigest())


def generate_key() -> SecretStr:
    """A new key in base64, to be put first in `ENCRYPTION_KEYS`."""
    return SecretStr(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())


def envelope_key_id(text: str) -> str | None:
    """The id of the key an envelope was made with; None when `text` is no envelope."""
    match = _ENVELOPE.fullmatch(text)
    return match["key_id"] if match else None


@functools.cache
def key_ring() -> KeyRing:
    """The keys of this process: `ENCRYPTION_KEYS`, or in development without a server of one's own the key file.

    Read once; `key_ring.cache_clear()` makes the next call read the settings again.

    Raises:
        ConfigurationError: There is no key, or one is unusable.
    """
    settings = load_settings()
    if settings.encryption_keys:
        return KeyRing.parse(settings.encryption_keys)
    if settings.is_production or settings.database_url is not None:
        raise ConfigurationError(
            "ENCRYPTION_KEYS: not set, and a secret has to be read or written; "
            "`medianest secrets generate-key` makes a key"
        )
    return KeyRing([_parse_key(_development_key(settings.key_file), f"{settings.key_file}: what is in it")])


def _development_key(path: Path) -> SecretStr:
    """The key beside the embedded server's data, made on first use; of many that make it at once one wins."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(generate_key().get_secret_value() + "\n")
                os.link(draft, path)
            except FileExistsError:
                pass  # another process was first: its key is the one
            finally:
                os.unlink(draft)  # noqa: PTH108 - the draft is a name, made by tempfile
        return SecretStr(path.read_text(encoding="ascii", errors="replace").strip())
    except OSError as error:
        raise ConfigurationError(f"ENCRYPTION_KEYS: not set, and {path} can't be used ({error.strerror})") from None


def _parse_key(text: SecretStr, what: str) -> bytes:
    try:
        key = _decode_base64(text.get_secret_value())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{what} is not {KEY_BYTES} bytes in base64; `medianest secrets generate-key` makes a key"
        )
    return key


def _encode_payload(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")


def _decode_payload(text: str) -> bytes:
    payload = _decode_base64(text)
    if _encode_payload(payload) != text:  # base64 has bits to spare in its last letter: an altered one must not pass
        raise ValueError
    return payload


def _decode_base64(text: str) -> bytes:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"medianest encryption key id\0" + key).hexdigest()[:16]


def _associated(key_id: str, context: SecretContext) -> bytes:
    # A list in JSON can't be read in two ways, as joined texts could.
    return json.dumps([_VERSION, key_id, *context]).encode()


def _encode(plaintext: str, context: SecretContext) -> bytes:
    if not isinstance(plaintext, str):  # a SecretStr holds anything
        raise InvalidInputError(f"{context.table}.{context.column}: must be a text, not {type(plaintext).__name__}")
    if not is_unicode(plaintext):
        raise InvalidInputError(f"{context.table}.{context.column}: the text is not valid Unicode")
    return plaintext.encode()


__all__ = [
    "KEY_BYTES",
    "KeyRing",
    "SecretContext",
    "SecretParameter",
    "StoredSecret",
    "Token",
    "envelope_key_id",
    "generate_key",
    "hash_token",
    "key_ring",
    "new_token",
]
