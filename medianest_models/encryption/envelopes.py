"""Envelopes, the text form of an encrypted value: `v1.<key id>.<nonce and ciphertext>`.

With the value is authenticated where it belongs (table, column, natural key of its row), so that an envelope which
was altered, or copied to another row or column, does not decrypt.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Final, NamedTuple

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


def make_envelope(key_id: str, payload: bytes) -> str:
    """Put a nonce and its ciphertext into the text form."""
    return f"{_VERSION}.{key_id}.{_encode(payload)}"


def envelope_key_id(text: str) -> str | None:
    """Read the id of the key that an envelope was made with; None when `text` is no envelope."""
    match = _ENVELOPE.fullmatch(text)
    return match["key_id"] if match else None


def envelope_payload(envelope: str) -> bytes:
    """Read the nonce and the ciphertext.

    Raises:
        ValueError: They are not written as `make_envelope` does.
    """
    text = envelope.rpartition(".")[2]
    payload = decode_base64(text)
    if _encode(payload) != text:  # base64 has bits to spare in its last letter: an altered one must not pass
        raise ValueError
    return payload


def decode_base64(text: str) -> bytes:
    """Read base64 in either alphabet, padded or not.

    Raises:
        ValueError: It is none.
    """
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _encode(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")
