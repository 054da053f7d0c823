"""The source's encrypted values: AES-256-GCM, each under its own key, which scrypt derives from ENCRYPTION_KEY."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from medianest_models.errors import ConfigurationError, DecryptionError
from medianest_models.masking import names_secret

# ciphertext:iv:tag:salt in hex. No token of Plex and no API key has this form.
_ENVELOPE: Final = re.compile("((?:[0-9a-fA-F]{2})*):([0-9a-fA-F]{32}):([0-9a-fA-F]{32}):([0-9a-fA-F]{64})")
_PARTS: Final = ("encrypted", "iv", "authTag", "salt")
_SAMPLE: Final = 100  # values under an old key may come first


class OldSecrets:
    """A decryptor of the source's values, in threads: each layer takes a core 44 ms.

    Args:
        key: The source's ENCRYPTION_KEY, as it stands in its environment; None for none.
    """

    def __init__(self, key: SecretStr | None) -> None:
        self._key = key
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="scrypt")
        self.asked = 0
        """The number of values to decrypt that are known so far."""
        self.answered = 0
        """The number of these that are done."""
        self.on_answer: Callable[[], object] = lambda: None
        """Called after each of them."""
        self.decrypted = 0
        """The number of values decrypted so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check_key(self, texts: Iterable[str]) -> None:
        """Refuse a key that decrypts none of the first few encrypted texts.

        Raises:
            ConfigurationError: There is no key, or it is the wrong one.
        """
        sample = [text for text in texts if is_encrypted(text)][:_SAMPLE]
        if not sample:
            return
        if self._key is None:
            raise ConfigurationError(
                "SOURCE_ENCRYPTION_KEY: not set, and the source holds encrypted values: it is their ENCRYPTION_KEY"
            )
        for text in sample:
            with suppress(DecryptionError):
                await self._in_thread(text)
                return
        raise ConfigurationError("SOURCE_ENCRYPTION_KEY: is not the key with which the source's values were encrypted")

    async def decrypt(self, text: str) -> str:
        """Decrypt all layers of a text; return a text that is not encrypted unchanged.

        Raises:
            DecryptionError: The text was altered, or encrypted with another key.
        """
        if not is_encrypted(text):
            return text
        self.asked += 1
        try:
            plain = await self._in_thread(text)
        finally:
            self.answered += 1
            self.on_answer()
        self.decrypted += 1
        return plain

    async def decrypt_document(self, node: Any, failed: list[str], *, path: str = "", is_secret: bool = False) -> Any:
        """Decrypt the values of a JSON document that are secret there by their keys' names.

        Such a value is a text, or an object of `encrypted`, `iv`, `authTag` and `salt`. One that can't be decrypted
        becomes None, and its path is added to `failed`. An encrypted value that our documents would show in the clear
        stays encrypted.
        """
        if isinstance(node, dict):
            joined = _join(node)
            if joined is None:
                return {
                    key: await self.decrypt_document(
                        item, failed, path=f"{path}.{key}", is_secret=is_secret or names_secret(key)
                    )
                    for key, item in node.items()
                }
            if not is_secret:
                return node
            node = joined
        if isinstance(node, list):
            return [
                await self.decrypt_document(item, failed, path=f"{path}[{number}]", is_secret=is_secret)
                for number, item in enumerate(node)
            ]
        if not isinstance(node, str) or not is_secret:
            return node
        try:
            return await self.decrypt(node)
        except DecryptionError:
            failed.append(path)
            return None

    def _in_thread(self, text: str) -> asyncio.Future[str]:
        return asyncio.get_running_loop().run_in_executor(self._threads, self._peel, text)

    def _peel(self, text: str) -> str:
        # The source has code paths that encrypt once, twice, or not at all. Each layer halves the text.
        while match := _ENVELOPE.fullmatch(text):
            text = self._open(*map(bytes.fromhex, match.groups()))
        return text

    def _open(self, ciphertext: bytes, iv: bytes, tag: bytes, salt: bytes) -> str:
        if self._key is None:
            raise DecryptionError("a secret of the source is encrypted, and there is no key")
        secret = self._key.get_secret_value().encode()
        key = Scrypt(salt=salt, length=32, n=16384, r=8, p=1).derive(secret)
        try:
            return AESGCM(key).decrypt(iv, ciphertext + tag, None).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise DecryptionError("a secret of the source was altered, or encrypted with another key") from None


def is_encrypted(text: str) -> bool:
    """Whether a text has the form of an encrypted value of the source."""
    return _ENVELOPE.fullmatch(text) is not None


def encrypted_texts(node: Any) -> Iterable[str]:
    """Iterate over the encrypted texts in a value or a JSON document."""
    if isinstance(node, str):
        if is_encrypted(node):
            yield node
    elif isinstance(node, list):
        for item in node:
            yield from encrypted_texts(item)
    elif isinstance(node, dict):
        joined = _join(node)
        for item in node.values() if joined is None else [joined]:
            yield from encrypted_texts(item)


def _join(node: dict[str, Any]) -> str | None:
    """Join the four parts of an encrypted value that is stored as an object; return None for any other object."""
    if set(node) != set(_PARTS) or not all(isinstance(node[part], str) for part in _PARTS):
        return None
    joined = ":".join(node[part] for part in _PARTS)
    return joined if is_encrypted(joined) else None
