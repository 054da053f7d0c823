"""Password hashes: Argon2id (RFC 9106), made in threads so that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from medianest_models.encryption.keys import SecretParameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

T = TypeVar("T")

_hasher: Final = PasswordHasher()
# A hash takes 64 MiB and all of a core: more at a time than there are cores gains nothing and may exhaust the memory.
_threads: Final = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="argon2")


async def hash_password(password: SecretStr) -> SecretParameter:
    """A fresh hash of a password, to be stored."""
    return SecretParameter(await _in_thread(_hasher.hash, _bytes(password)))


async def verify_password(stored: SecretStr | None, password: SecretStr) -> bool:
    """Whether a password is the one that was hashed.

    Args:
        stored: The hash; None when there is no such account, which takes as long to find wrong.
        password: What was typed.
    """
    return await _in_thread(_verify, stored.get_secret_value() if stored else None, _bytes(password))


def is_outdated(stored: SecretStr) -> bool:
    """Whether a hash was made with other parameters than today's, and should be made anew at the next sign-in."""
    return _hasher.check_needs_rehash(stored.get_secret_value())


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(function, *arguments))


def _verify(stored: str | None, password: bytes) -> bool:
    try:
        return _hasher.verify(stored or _nobodys_hash(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(os.urandom(16))


def _bytes(password: SecretStr) -> bytes:
    return password.get_secret_value().encode(errors="surrogatepass")
