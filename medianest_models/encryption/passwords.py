"""Password hashes: Argon2id (RFC 9106), computed in threads so that the event loop is not blocked.

A bcrypt hash, which an import may bring, is verified too; the next sign-in replaces it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore
from typing import Final, TypeVar

import bcrypt
from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from medianest_models.checks import MAX_PASSWORD_LENGTH
from medianest_models.encryption.stored_secrets import SecretParameter
from medianest_models.errors import OverloadedError

T = TypeVar("T")

_hasher: Final = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)

_BCRYPT: Final = "$2"
_BCRYPT_BYTES: Final = 72  # bcrypt ignored the rest of a longer password when it was hashed

# The hash of random bytes, verified when there is no account, so that an unknown name takes as long as a known one,
# from the first call on.
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$nnUogoxxm5b6LOTMvXmXpw$ugdZnCj/ie5wFX6baAZLAqgy15sCz9CMYzeihzRPYCE"
)

# A hash takes a core 0.2 s, or 0.7 s on a busy machine: the last of four callers has its result within three seconds.
_SLOTS_PER_CORE: Final = 4


@cache
def _hashers() -> tuple[ThreadPoolExecutor, BoundedSemaphore]:
    """Make this process's hashing threads, and the slots for running and waiting callers."""
    cores = os.cpu_count() or 1
    # A hash takes 64 MiB and a whole core: more threads than cores would only take more memory.
    return ThreadPoolExecutor(cores, thread_name_prefix="argon2"), BoundedSemaphore(cores * _SLOTS_PER_CORE)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_hashers.cache_clear)  # a child has none of the threads, and all slots are free


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Hold a slot while passwords are hashed and verified for one caller, or raise that too many are held."""
    _, slots = _hashers()
    if not slots.acquire(blocking=False):
        raise OverloadedError
    try:
        yield
    finally:
        slots.release()


async def hash_password(password: SecretStr) -> SecretParameter:
    """Hash a password for storage; call it in a `hashing_slot`."""
    return SecretParameter(await _in_thread(_hasher.hash, password.get_secret_value()))


async def verify_password(stored: SecretStr | None, password: SecretStr) -> bool:
    """Return whether a password matches a hash; call it in a `hashing_slot`.

    It takes no longer or shorter for an account that there is not (None), or for a password longer than any.
    """
    if stored is None or len(password) > MAX_PASSWORD_LENGTH:
        await _in_thread(_verify, _NOBODYS_HASH, b"")
        return False
    typed = password.get_secret_value().encode(errors="surrogatepass")
    return await _in_thread(_verify, stored.get_secret_value(), typed)


def is_outdated(stored: SecretStr) -> bool:
    """Return whether a hash has outdated parameters, so that the next sign-in should replace it."""
    hashed = stored.get_secret_value()
    return hashed.startswith(_BCRYPT) or _hasher.check_needs_rehash(hashed)


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    threads, _ = _hashers()
    return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)


def _verify(hashed: str, password: bytes) -> bool:
    try:
        if hashed.startswith(_BCRYPT):
            return bcrypt.checkpw(password[:_BCRYPT_BYTES], hashed.encode())
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError, ValueError):
        return False
