"""Tokens of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from pydantic import SecretStr

from medianest_models.encryption.stored_secrets import SecretParameter


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
