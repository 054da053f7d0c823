"""Fixtures of the tests of secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from medianest_models.encryption.keys import generate_key, key_ring


@pytest.fixture
def use_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that sets the keys, newest first; without arguments, there is no key."""

    def use(*keys: str) -> None:
        monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(keys))
        key_ring.cache_clear()

    yield use
    key_ring.cache_clear()


@pytest.fixture
def new_key() -> str:
    """Return a key that nothing is encrypted with."""
    return generate_key().get_secret_value()
