"""What the tests of secrets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medianest_models.encryption.keys import generate_key, key_ring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def use_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that makes these the keys, newest first; without any, there is none."""

    def use(*keys: str) -> None:
        monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(keys))
        key_ring.cache_clear()

    yield use
    key_ring.cache_clear()


@pytest.fixture
def new_key() -> str:
    """A key that nothing is encrypted with."""
    return generate_key().get_secret_value()
