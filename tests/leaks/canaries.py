"""Values that must show up nowhere, and how to find them in whatever spelling they do."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

if TYPE_CHECKING:
    from medianest_models.fields.secrets import SecretField

_DIGITS: Final = 15


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
    """

    name: str
    kind: Kind

    @property
    def text(self) -> str:
        """The value: nothing that could be anywhere by chance."""
        return f"Canary{hashlib.sha256(self.name.encode()).hexdigest()[:20]}"

    @property
    def number(self) -> int:
        """The value where a number is wanted."""
        return int(str(int(hashlib.sha256(self.name.encode()).hexdigest(), 16))[:_DIGITS])

    def spellings(self) -> Iterator[bytes]:
        """The value in the encodings that it may be found in, in small letters."""
        number = str(self.number)
        for plain in (self.text, self.text[::-1], number, f"{self.number:,}", f"{self.number:x}"):
            data = plain.encode()
            yield from (data, data.hex().encode(), plain.encode("utf-16-le"), plain.encode("utf-32-le"))
            yield repr(list(data))[1:-1].encode()
            yield "".join(f"%{byte:02x}" for byte in data).encode()
            for offset in range(3):  # of its place among base64's groups of three bytes
                yield base64.b64encode(b"\0" * offset + data)[4 if offset else 0 : -4]
            yield base64.b32encode(data).rstrip(b"=")[:-1]


class Canaries:
    """The canaries of a run; each is made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Canary] = {}

    def new(self, name: str, kind: Kind = Kind.SECRET) -> Canary:
        """The canary of that name."""
        return self._made.setdefault(name, Canary(name, kind))

    def __iter__(self) -> Iterator[Canary]:
        return iter(self._made.values())

    def found_in(self, *texts: str | bytes, allowed: Iterable[Kind] = ()) -> list[str]:
        """The names of the canaries that are in one of the texts, in any encoding; those of `allowed` may be there."""
        wanted = [canary for canary in self if canary.kind not in allowed]
        lowered = [(text.encode(errors="surrogatepass") if isinstance(text, str) else text).lower() for text in texts]
        return [
            canary.name
            for canary in wanted
            if any(spelling.lower() in text for spelling in canary.spellings() for text in lowered)
        ]


def secret_value(field: SecretField, canary: Canary) -> Any:
    """A value for a secret field with the canary in every place of it that is secret.

    A kind of secret field that takes neither a text nor a document is to be taught here.
    """
    if field.field_type is dict:
        return {
            "host": "plex.local",
            "password": canary.text,
            "nested": {"apiKey": [canary.text, {"anything": canary.number}], "plain": [1, "text", None]},
            "list": [{"x-plex-token": SecretStr(canary.text), "is_secret": True}],
            "client.secret": {"deep": {"deeper": [[canary.text]]}, "rate": canary.number / 8},
        }
    return canary.text


def texts_in(value: object) -> Iterator[str]:
    """Every text that can be reached in a value without calling anything of it: mappings, sequences, attributes."""
    ahead: list[object] = [value]
    seen: set[int] = set()
    while ahead:
        node = ahead.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, (str, bytes, int, float)):
            yield node if isinstance(node, str) else repr(node)
        elif isinstance(node, Mapping):
            ahead.extend((*node.keys(), *node.values()))
        elif isinstance(node, (list, tuple, set, frozenset)):
            ahead.extend(node)
