"""The key ring: the sources of keys, and the errors for invalid ones."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from medianest_models.encryption.keys import KeyRing, SecretContext, generate_key, key_ring
from medianest_models.errors import ConfigurationError
from medianest_models.settings.keys import KEY_BYTES
from tests.processes import run_in_processes

PLACE: Final = SecretContext("users", "plex_token", "plex-1")
RAW: Final = bytes(range(216, 216 + KEY_BYTES))
"""In base64 it contains both characters in which the two alphabets differ."""
MAKES_A_KEY: Final = "`medianest secrets generate-key` makes"


@pytest.fixture(autouse=True)
def no_key_in_memory() -> Iterator[None]:
    key_ring.cache_clear()
    yield
    key_ring.cache_clear()


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the key in development without settings."""
    monkeypatch.delenv("ENCRYPTION_KEYS")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("MEDIANEST_ENV", "development")
    monkeypatch.setenv("MEDIANEST_HOME", str(tmp_path / "home" / "below"))
    return tmp_path / "home" / "below" / "encryption.key"


@pytest.mark.parametrize(
    "text",
    [
        base64.standard_b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
    ],
)
def test_both_alphabets_and_no_padding_are_read(text: str) -> None:
    assert KeyRing.parse([SecretStr(text)]).newest_id == KeyRing([RAW]).newest_id


@pytest.mark.parametrize(
    "text",
    [
        "not base64 at all!",
        "ä" * 43,
        "A",
        "",
        base64.b64encode(b"x" * (KEY_BYTES - 1)).decode(),
        base64.b64encode(b"x" * (KEY_BYTES + 1)).decode(),
        base64.b64encode(b"x" * 16).decode(),
        "0" * 64,
    ],
)
def test_an_unusable_key_is_named_by_its_place(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        KeyRing.parse([generate_key(), SecretStr(text)])
    assert str(raised.value) == f"ENCRYPTION_KEYS: key 2 is not 32 bytes in base64; {MAKES_A_KEY} a key"
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize(
    ("environment", "url"),
    [(name, "postgresql://someone:canary@somewhere/db") for name in ("production", "development", "test")]
    + [("production", None)],
)
def test_where_no_key_may_be_made_it_says_how_to_make_one(
    environment: str, url: str | None, key: str | None, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DATABASE_URL", url), ("MEDIANEST_ENV", environment), ("ENCRYPTION_KEYS", key)):
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: not set") as raised:
        key_ring()
    assert MAKES_A_KEY in str(raised.value)
    assert "canary" not in str(raised.value)
    assert not key_file.exists()


class TestKeyFile:
    def test_it_is_made_once_and_for_its_owner_only(self, key_file: Path) -> None:
        envelope = key_ring().encrypt("secret", PLACE)
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]
        key_ring.cache_clear()
        assert key_ring().decrypt(envelope, PLACE) == "secret"
        assert key_ring().newest_id == KeyRing.parse([SecretStr(key_file.read_text().strip())]).newest_id

    def test_of_eight_processes_one_makes_it(self, key_file: Path) -> None:
        assert len(set(run_in_processes(newest_key_id, 8))) == 1
        assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]

    @pytest.mark.parametrize("content", [b"", b"\n", b"canary", b"\xff\xfe canary", b"A" * 43 + b"\n" + b"A" * 43])
    def test_an_unusable_one_is_named_and_left_alone(self, key_file: Path, content: bytes) -> None:
        key_file.parent.mkdir(parents=True)
        key_file.write_bytes(content)
        with pytest.raises(ConfigurationError) as raised:
            key_ring()
        assert str(raised.value) == f"{key_file}: what is in it is not 32 bytes in base64; {MAKES_A_KEY} a key"
        assert key_file.read_bytes() == content

    @pytest.mark.parametrize("is_folder", [True, False])
    def test_what_stands_in_its_place_or_its_folder_s_is_named(self, key_file: Path, *, is_folder: bool) -> None:
        key_file.parent.parent.mkdir(parents=True)
        if is_folder:
            key_file.mkdir(parents=True)
        else:
            key_file.parent.write_text("")
        with pytest.raises(ConfigurationError, match=rf"^ENCRYPTION_KEYS: not set, and {key_file} can't be used"):
            key_ring()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
    def test_one_that_can_t_be_read_is_named(self, key_file: Path) -> None:
        key_ring()
        key_file.chmod(0)
        key_ring.cache_clear()
        with pytest.raises(ConfigurationError, match="Permission denied"):
            key_ring()

    def test_keys_in_the_settings_come_first(self, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ENCRYPTION_KEYS", generate_key().get_secret_value())
        key_ring()
        assert not key_file.exists()


async def newest_key_id() -> str:
    return key_ring().newest_id
