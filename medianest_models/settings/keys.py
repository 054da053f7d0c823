"""The form of the encryption keys, 32 bytes in base64, which is checked without having to encrypt."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import SecretStr

from medianest_models.errors import ConfigurationError

KEY_BYTES: Final = 32


def check_keys(texts: Sequence[SecretStr]) -> None:
    """Raise a ConfigurationError if there is no key, or one that can't be used, before the first secret needs it."""
    if not texts:
        raise ConfigurationError(
            "ENCRYPTION_KEYS: must be set when MEDIANEST_ENV=production; `medianest secrets generate-key` makes a key"
        )
    decode_keys(texts)


def decode_keys(texts: Iterable[SecretStr]) -> list[bytes]:
    """Read keys as `ENCRYPTION_KEYS` holds them; an error gives a key's place, no value."""
    return [decode_key(text, f"ENCRYPTION_KEYS: key {place}") for place, text in enumerate(texts, start=1)]


def decode_key(text: SecretStr, what: str) -> bytes:
    """Read a key, or raise a ConfigurationError that names `what` is not one, and does not show the text."""
    try:
        key = decode_base64(text.get_secret_value())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{what} is not {KEY_BYTES} bytes in base64; `medianest secrets generate-key` makes a key"
        )
    return key


def decode_base64(text: str) -> bytes:
    """Read base64 in either alphabet, padded or not."""
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
