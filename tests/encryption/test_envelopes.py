"""Envelopes: a value that was encrypted for a place can be decrypted only there."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr

from medianest_models.encryption.keys import KeyRing, SecretContext, envelope_key_id, key_ring
from medianest_models.encryption.stored_secrets import SecretParameter, StoredSecret, hash_token, new_token
from medianest_models.errors import DecryptionError
from medianest_models.settings.keys import KEY_BYTES

RING: Final = KeyRing([b"k" * KEY_BYTES])
PLACE: Final = SecretContext("users", "plex_token", "plex-1")
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(min_size=1)
places = st.builds(SecretContext, names, names, names)


@given(texts, places)
def test_what_is_encrypted_is_decrypted(text: str, place: SecretContext) -> None:
    envelope = RING.encrypt(text, place)
    assert RING.decrypt(envelope, place) == text
    assert re.fullmatch(r"v1\.[0-9a-f]{16}\.[A-Za-z0-9_-]+", envelope)
    assert envelope_key_id(envelope) == RING.newest_id


@given(places, places)
def test_it_is_decrypted_in_no_other_place(place: SecretContext, other: SecretContext) -> None:
    envelope = RING.encrypt("secret", place)
    if place == other:
        assert RING.decrypt(envelope, other) == "secret"
    else:
        with pytest.raises(DecryptionError, match="was altered or belongs to another row"):
            RING.decrypt(envelope, other)


@pytest.mark.parametrize("between", ["", ".", ":", "\0", " ", ",", '", "', "]["])
def test_places_that_read_alike_when_joined_are_different(between: str) -> None:
    envelope = RING.encrypt("secret", SecretContext("a", f"b{between}c", "d"))
    for other in (SecretContext(f"a{between}b", "c", "d"), SecretContext("a", "b", f"c{between}d")):
        with pytest.raises(DecryptionError):
            RING.decrypt(envelope, other)


def test_the_same_text_is_never_encrypted_to_the_same_envelope() -> None:
    assert len({RING.encrypt("secret", PLACE) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("length", range(8))
def test_every_altered_letter_is_noticed(length: int) -> None:
    envelope = RING.encrypt("x" * length, PLACE)  # in base64 the unused bits depend on the length
    for position, letter in enumerate(envelope):
        for other in ALPHABET:
            altered = envelope[:position] + other + envelope[position + 1 :]
            if other != letter:
                with pytest.raises(DecryptionError):
                    RING.decrypt(altered, PLACE)


def test_a_cut_or_padded_envelope_is_noticed() -> None:
    envelope = RING.encrypt("secret", PLACE)
    for altered in [*(envelope[:end] for end in range(len(envelope))), f"{envelope}A", f"{envelope}=", f"{envelope}\n"]:
        with pytest.raises(DecryptionError):
            RING.decrypt(altered, PLACE)


@pytest.mark.parametrize("text", ["", "secret", "v1", "v1..", "v2.0123456789abcdef.AAAA", "v1.0123456789ABCDEF.AAAA"])
def test_what_is_no_envelope_is_said_to_be_none(text: str) -> None:
    assert envelope_key_id(text) is None
    with pytest.raises(DecryptionError, match=r"^users\.plex_token: what is stored is not an encrypted value$"):
        RING.decrypt(text, PLACE)


def test_no_message_holds_the_text_or_the_row() -> None:
    envelope = RING.encrypt("the-plaintext", PLACE._replace(row="the-row"))
    with pytest.raises(DecryptionError) as raised:
        RING.decrypt(envelope, PLACE._replace(row="another-row"))
    assert not re.search("plaintext|the-row|another-row", str(raised.value))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_several_keys_the_newest_encrypts_and_each_decrypts() -> None:
    old = KeyRing([b"o" * KEY_BYTES])
    both = KeyRing([b"n" * KEY_BYTES, b"o" * KEY_BYTES])
    new = KeyRing([b"n" * KEY_BYTES])
    assert both.newest_id == new.newest_id
    assert both.decrypt(old.encrypt("before", PLACE), PLACE) == "before"
    assert new.decrypt(both.encrypt("after", PLACE), PLACE) == "after"
    with pytest.raises(DecryptionError) as raised:
        new.decrypt(old.encrypt("before", PLACE), PLACE)
    assert str(raised.value) == (
        f"users.plex_token: encrypted under key {old.newest_id}, which is not in ENCRYPTION_KEYS"
    )


def test_a_stored_secret_reads_as_any_secret() -> None:
    stored = StoredSecret(key_ring().encrypt("the-plaintext", PLACE), PLACE)
    assert isinstance(stored, SecretStr)
    assert stored.get_secret_value() == "the-plaintext"
    assert len(stored) == len("the-plaintext")
    assert stored == SecretStr("the-plaintext")
    assert SecretStr("the-plaintext") == stored
    assert stored != SecretStr("another")
    assert stored != "the-plaintext"
    assert hash(stored) == hash(SecretStr("the-plaintext"))


def test_it_is_decrypted_when_it_is_read_and_not_before() -> None:
    broken = StoredSecret("v1.0123456789abcdef.AAAA", PLACE)
    assert str(broken) == "**********"
    with pytest.raises(DecryptionError, match="key 0123456789abcdef"):
        broken.get_secret_value()


class TestTokens:
    def test_only_the_hash_is_stored(self) -> None:
        token = new_token()
        assert token.hash == hash_token(token.raw.get_secret_value())
        assert token.raw.get_secret_value() not in token.hash
        assert re.fullmatch("[0-9a-f]{64}", token.hash)
        assert token.raw.get_secret_value() not in repr(token)
        assert token.hash not in repr(token)

    def test_tokens_are_random(self) -> None:
        tokens = [new_token().raw.get_secret_value() for _ in range(100)]
        assert len(set(tokens)) == 100
        assert {len(token) for token in tokens} == {43}  # 256 bits


def test_a_statement_s_parameter_hides_itself() -> None:
    parameter = SecretParameter("secret")
    assert parameter.secret
    assert "secret" not in f"{[parameter]} {parameter!r}"
    assert json.dumps(parameter) == '"secret"'  # the driver gets the plain string
