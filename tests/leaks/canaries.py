"""Values that must not appear anywhere, and a search for them in any encoding."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final

from pydantic import SecretStr

from medianest_models.encryption.fields import SecretField
from medianest_models.settings.keys import KEY_BYTES


class Kind(Enum):
    """The kind of value that a canary represents, which determines where it may be."""

    SECRET = "secret"
    """A plaintext that is encrypted or must never be stored: nowhere."""
    HASH = "hash"
    """A hash: only in the database, and so in its dump."""
    CREDENTIAL = "credential"
    """A part of a service's URL, which is masked only when it is shown: in the dump and in pickles."""


@dataclass(frozen=True)
class Canary:
    """A value to search for.

    Attributes:
        name: The name for a failing test.
        kind: The kind, which determines where it may be.
        given: The value; by default one that can't occur by chance.
    """

    name: str
    kind: Kind
    given: str = ""

    @property
    def text(self) -> str:
        """The value."""
        return self.given or f"{_TEXT}{self._digest:x}"[:30]

    @property
    def number(self) -> int:
        """The value as a number."""
        return int(f"{_NUMBER}{self._digest}"[:15])

    @property
    def _digest(self) -> int:
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16)

    @cached_property
    def spellings(self) -> frozenset[bytes]:
        """The value in each encoding, in lower case."""
        return _spellings(self.text) | (frozenset() if self.given else _spellings(str(self.number)))

    def is_in(self, text: bytes) -> bool:
        """Return whether a lower-case text contains the value, in any encoding."""
        return any(spelling in text for spelling in self.spellings)


class Canaries:
    """The canaries of a run; each is made on first use."""

    def __init__(self) -> None:
        self._made: dict[str, Canary] = {}

    def new(self, name: str, kind: Kind = Kind.SECRET, given: str = "") -> Canary:
        """Return the canary with that name."""
        return self._made.setdefault(name, Canary(name, kind, given))

    def __iter__(self) -> Iterator[Canary]:
        return iter(self._made.values())

    def found_in(self, *texts: str | bytes, allowed: Iterable[Kind] = ()) -> list[str]:
        """Return the names of the canaries in the texts, in any encoding, without the kinds in `allowed`."""
        encoded = [(text.encode(errors="surrogatepass") if isinstance(text, str) else text).lower() for text in texts]
        everything = b"\n".join(encoded)
        found = [canary for canary in self if canary.given and canary.is_in(everything)]
        if _is_suspect(everything):
            suspects = b"\n".join(text for text in encoded if _is_suspect(text))
            found += [canary for canary in self if not canary.given and canary.is_in(suspects)]
        return [canary.name for canary in found if canary.kind not in allowed]


def _spellings(plain: str) -> frozenset[bytes]:
    return frozenset(spelling.lower() for text in (plain, plain[::-1]) for spelling in _spell(text))


def _spell(plain: str) -> Iterator[bytes]:
    data = plain.encode()
    yield from (data, data.hex().encode(), plain.encode("utf-16-le"), plain.encode("utf-32-le"))
    yield repr(list(data))[1:-1].encode()
    yield "".join(f"%{byte:02x}" for byte in data).encode()
    for size, group, encode in ((3, 4, base64.b64encode), (3, 4, base64.urlsafe_b64encode), (5, 8, base64.b32encode)):
        for before in range(size):  # the number of other bytes before it in the first group
            whole = (before + len(data)) // size * group
            yield encode(b"\0" * before + data)[group if before else 0 : whole]


# The common beginnings of all generated canaries: searching for these first is fast.
_TEXT: Final = "CanaryInTheMine"
_NUMBER: Final = "73194638"
_BEGINNINGS: Final = frozenset(
    spelling for begin in (_TEXT, _NUMBER) for spelling in _spellings(begin) if len(spelling) > 5
)


def _is_suspect(text: bytes) -> bool:
    return any(beginning in text for beginning in _BEGINNINGS)


def encryption_key(canaries: Canaries, name: str) -> str:
    """Return a key for ENCRYPTION_KEYS whose bytes are a canary."""
    return base64.urlsafe_b64encode(canaries.new(name).text.encode().ljust(KEY_BYTES, b"-")).decode()


def secret_value(field: SecretField[Any], canary: Canary) -> Any:
    """Return a value for a secret field, with the canary in each of its secret places."""
    if field.field_type is dict:
        return {
            "host": "plex.local",
            "password": canary.text,
            "nested": {"apiKey": [canary.text, {"anything": canary.number}], "plain": [1, "text", None]},
            "list": [{"x-plex-token": SecretStr(canary.text), "is_secret": True}],
            "client.secret": {"deep": {"deeper": [[canary.text]]}, "rate": float(f"0.{canary.number}")},
        }
    assert field.field_type is str, f"{field.model_field_name}: teach me what it takes"
    return canary.text


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts in a value: each one in mappings and sequences, and the string forms of other objects."""
    ahead: list[object] = [value]
    seen: dict[int, object] = {}  # keeps the objects alive, so that their ids are not reused
    while ahead:
        node = ahead.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, Mapping):
            ahead.extend((*node.keys(), *node.values()))
        elif isinstance(node, (list, tuple, set, frozenset)):
            ahead.extend(node)
        elif isinstance(node, bytes):
            yield node.decode(errors="replace")
        else:
            yield from (
                str(node),
                repr(node),
                format(node, "") if type(node).__format__ is not object.__format__ else "",
            )
