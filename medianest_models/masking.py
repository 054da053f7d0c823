"""Secrets in texts: which names tell of one, and what is shown in its place.

One rule for the URLs of services, the query log, JSON documents and the studio. It reads a text from its beginning to
its end, so that the time grows with the length and with nothing else.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

MASK: Final = "**********"
"""Stands for a secret."""

LONGEST: Final = 4_000
"""In characters: of a longer text nothing is shown that was not looked at."""

_IN_NAMES: Final = re.compile(
    "password|passwd|passphrase|token|secret|apikey|accesskey|privatekey|credential|bearer|jwt"
)
_WORDS: Final = frozenset({"pass", "pw", "pwd", "auth", "authorization"})
_IN_URLS: Final = re.compile("key|sid|sig|.*signature")  # in a document these may be no secrets
_WORD: Final = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_SCHEME: Final = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:[/\\]{2})?[/\\]*")
_ADDRESS: Final = re.compile(r"\[[0-9a-fA-F:.]*\](?::[0-9]*)?[/?#\\]")
_PARAMETER: Final = re.compile("[&;#]?[^&;#]*")
_QUOTE: Final = re.compile("[\"']")


def names_secret(name: str) -> bool:
    """Whether a name tells of a secret, however it is written: `apiKey`, `plex_token`, `X-Auth`, `PASSWD`.

    Some words count anywhere in a name and some as a word of it only: a `bypass` is none, and neither is an `author`.
    """
    return _IN_NAMES.search(_joined(name)) is not None or not _WORDS.isdisjoint(map(str.lower, _WORD.findall(name)))


def _joined(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def mask_credentials(url: str) -> str:
    """Mask a URL's user and password, and each parameter whose name tells of a secret.

    A password may hold what should have been percent-encoded. So more may be masked than had to be: with a port, or
    without http, all that stands before an @; and a URL of more than `LONGEST` characters whole.
    """
    if len(url) > LONGEST:
        return MASK
    scheme, rest = _without_scheme(url)
    masked = _mask_parameters(rest)
    if not _holds_credentials(scheme, rest):
        return scheme + masked
    if masked.count("@") < rest.count("@"):  # the last one may belong to a password, and so may all before the mask
        return scheme + MASK
    return f"{scheme}{MASK}@{masked.rpartition('@')[2]}"


def holds_secret(text: str) -> bool:
    """Whether a text may hold a secret: a URL as above, or JSON with a key that names one. An email address is none.

    Of a long text the first `LONGEST` characters are looked at.
    """
    text = text[:LONGEST]
    scheme, rest = _without_scheme(text)
    is_url = bool(scheme) or ":" in rest.rpartition("@")[0] or "//" in rest
    if (is_url and _holds_credentials(scheme, rest)) or _mask_parameters(text) != text:
        return True
    return any(names_secret(name) for name, after in pairwise(_QUOTE.split(text)) if after.lstrip()[:1] == ":")


def _without_scheme(url: str) -> tuple[str, str]:
    scheme = _SCHEME.match(url)
    end = scheme.end() if scheme else 0
    return url[:end], url[end:]


def _holds_credentials(scheme: str, rest: str) -> bool:
    """Whether there is an @ that does not certainly stand in a path or after it."""
    before, at, _ = rest.rpartition("@")
    in_path = ":" not in before and not {*"/?#\\"}.isdisjoint(before) and scheme.lower() in {"http://", "https://"}
    return bool(at) and not in_path and _ADDRESS.match(before) is None


def _mask_parameters(text: str) -> str:
    shown, hides = [], False
    for parameter in _PARAMETER.findall(text):
        if hides and "=" not in parameter:  # what follows an & or a # that should have been percent-encoded
            continue
        name = _up_to_secret(parameter)
        hides = name != parameter
        shown.append(name + MASK if hides else parameter)
    return "".join(shown)


def _up_to_secret(parameter: str) -> str:
    """Cut a parameter after the = of a name that tells of a secret; return the whole without one."""
    end = 0
    for before in parameter.split("=")[:-1]:
        end += len(before) + 1
        name = unquote(unquote(re.split(r"[/\\?]", before)[-1]))
        if names_secret(name) or _IN_URLS.fullmatch(_joined(name)):
            return parameter[:end]
    return parameter
