"""Masking of secrets in strings: the names that indicate a secret, and the mask.

The URLs of services, the query log, JSON documents and the studio share these rules. They scan a string once, so the
time is linear in its length.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

MASK: Final = "**********"
"""Stands for a secret."""

LONGEST: Final = 4_000
"""The number of characters that are checked; the rest of a longer string is never shown."""

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
    """Return whether a name indicates a secret, in any spelling: `apiKey`, `plex_token`, `X-Auth`, `PASSWD`.

    Some words count anywhere in a name and some only as a whole word: neither `bypass` nor `author` is secret.
    """
    return _IN_NAMES.search(_joined(name)) is not None or not _WORDS.isdisjoint(map(str.lower, _WORD.findall(name)))


def _joined(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def mask_credentials(url: str) -> str:
    """Mask a URL's user and password, and each parameter whose name indicates a secret.

    A password may contain characters that should have been percent-encoded. So it may mask too much: everything before
    an @ if there is a port or no http, and all of a URL with more than `LONGEST` characters.
    """
    if len(url) > LONGEST:
        return MASK
    scheme, rest = _without_scheme(url)
    masked = _mask_parameters(rest)
    if not _holds_credentials(scheme, rest):
        return scheme + masked
    if masked.count("@") < rest.count("@"):  # the last @ may be part of a password, as may all before the mask
        return scheme + MASK
    return f"{scheme}{MASK}@{masked.rpartition('@')[2]}"


def holds_secret(text: str) -> bool:
    """Return whether a string may hold a secret: a URL as above, or JSON with a key that names one; not an email.

    It checks the first `LONGEST` characters only.
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
    """Return whether there is an @ that may be before the path."""
    before, at, _ = rest.rpartition("@")
    in_path = ":" not in before and not {*"/?#\\"}.isdisjoint(before) and scheme.lower() in {"http://", "https://"}
    return bool(at) and not in_path and _ADDRESS.match(before) is None


def _mask_parameters(text: str) -> str:
    shown, hides = [], False
    for parameter in _PARAMETER.findall(text):
        if hides and "=" not in parameter:  # it follows an & or # that should have been percent-encoded
            continue
        name = _up_to_secret(parameter)
        hides = name != parameter
        shown.append(name + MASK if hides else parameter)
    return "".join(shown)


def _up_to_secret(parameter: str) -> str:
    """Cut a parameter after the = if its name indicates a secret; otherwise return it unchanged."""
    end = 0
    for before in parameter.split("=")[:-1]:
        end += len(before) + 1
        name = unquote(unquote(re.split(r"[/\\?]", before)[-1]))
        if names_secret(name) or _IN_URLS.fullmatch(_joined(name)):
            return parameter[:end]
    return parameter
