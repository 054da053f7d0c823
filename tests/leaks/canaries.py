"""Values that must show up nowhere, and how to find them in whatever spelling they do."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from medianest_models.encryption.keys import KEY_BYTES

if TYPE_CHECKING:
    from medianest_models.encryption.fields import SecretField


class Kind(Enum):
    """What a canary stands for, which says where it may be."""

    SECRET = "secret"
    """A plaintext that is encrypted, or was never to be stored: nowhere."""
    HASH = "hash"
    """A hash: in the database, and so in its dump, and nowhere else."""
    CREDENTIAL = "credential"
    """A part of a service's URL, which is data and only masked where it is shown: in the dump and in pickles too."""


@dataclass(frozen=True)
class Canary:
    """A value to be looked for.

    Attributes:
        name: What it stands for, as a failing test names it.
        kind: Where it may be.
        given: The value; without it one that can be nowhere by chance.
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
        """The value where a number is wanted."""
        return int(f"{_NUMBER}{self._digest}"[:15])

    @property
    def _digest(self) -> int:
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16)

    @cached_property
    def spellings(self) -> frozenset[bytes]:
        """The value in each encoding that it may be found in, in small letters."""
        return _spellings(self.text) | (frozenset() if self.given else _spellings(str(self.number)))

    def is_in(self, text: bytes) -> bool:
        """Whether a text in small letters has the value, in any encoding."""
        return any(spelling in text for spelling in self.spellings)


class Canaries:
    """The canaries of a run; each is made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Canary] = {}

    def new(self, name: str, kind: Kind = Kind.SECRET, given: str = "") -> Canary:
        """The canary of that name."""
        return self._made.setdefault(name, Canary(name, kind, given))

    def __iter__(self) -> Iterator[Canary]:
        return iter(self._made.values())

    def found_in(self, *texts: str | bytes, allowed: Iterable[Kind] = ()) -> list[str]:
        """The names of the canaries that are in one of the texts, in any encoding; those of `allowed` may be there."""
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
        for before in range(size):  # how many bytes of something else stand before it in the first group
            whole = (before + len(data)) // size * group
            yield encode(b"\0" * before + data)[group if before else 0 : whole]


# What every canary begins with that was not given: looking for these first is quick.
_TEXT: Final = "CanaryInTheMine"
_NUMBER: Final = "73194638"
_BEGINNINGS: Final = frozenset(
    spelling for begin in (_TEXT, _NUMBER) for spelling in _spellings(begin) if len(spelling) > 5
)


def _is_suspect(text: bytes) -> bool:
    return any(beginning in text for beginning in _BEGINNINGS)


def encryption_key(canaries: Canaries, name: str) -> str:
    """A key for ENCRYPTION_KEYS whose bytes are a canary."""
    return base64.urlsafe_b64encode(canaries.new(name).text.encode().ljust(KEY_BYTES, b"-")).decode()


def secret_value(field: SecretField[Any], canary: Canary) -> Any:
    """A value for a secret field, with the canary in every place of it that is secret."""
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
    """All texts in a value: in mappings and sequences each one by itself, of other objects what they say they are."""
    ahead: list[object] = [value]
    seen: dict[int, object] = {}  # keeps them, so that no other object gets the id of one
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
