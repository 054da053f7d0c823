"""The syntax of a PostgreSQL URL: its parts and its parameters.

A problem is told without quoting the URL: a password with a character that was not percent-encoded can end up
in any part.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

_URL: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30})://([^/?#]*)/?([^?#]*)\??([^#]*)(#.*)?", re.ASCII)
_AUTHORITY: Final = re.compile(r"(?:([^:@]*)(?::([^@]*))?@)?(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([^:]*))?")
_SCHEMES: Final = frozenset({"postgresql", "postgres", "asyncpg"})
_ENCODE: Final = (
    "in the user, the password and the database, characters with a meaning in URLs must be percent-encoded: "
    "@ is %40, / is %2F, ? is %3F, # is %23, % is %25"
)


class UrlProblem(Exception):  # noqa: N818 - it never leaves this package: `parse` makes a ConfigurationError of it
    """A problem of a URL, without a value of it."""


def split_url(text: str) -> tuple[str, str, str]:
    """Split a URL into what is before the database (user, password, host, port), the database and the query."""
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise UrlProblem("holds a space or a line break: remove it, or write it as %20")
    match = _URL.fullmatch(text)
    if match is None:
        raise UrlProblem("must begin with postgresql://")
    scheme, authority, path, query, fragment = match.groups()
    if scheme.lower() not in _SCHEMES:
        raise UrlProblem(f"must begin with postgresql://, postgres:// or asyncpg://, not {scheme}://")
    at_signs = text.count("@")
    if fragment or "/" in path or at_signs > 1 or at_signs != authority.count("@"):
        raise UrlProblem(_ENCODE)
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        raise UrlProblem(_ENCODE)
    return authority, path, query


def split_authority(authority: str) -> tuple[str, str, str | None, int | None]:
    """User and password, not decoded ("" for none), and host and port, decoded (None for none)."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        if "," in authority:
            raise UrlProblem("names several hosts: give one")
        raise UrlProblem("the host and port are not whole: host, host:5432 or [IPv6 address]:5432")
    user, password, address, host, port = match.groups()
    if address is not None and ":" not in address:
        raise UrlProblem("the address in brackets is not an IPv6 address")
    place = decode(host if address is None else address, "host")
    return user or "", password or "", place or None, None if port is None else _read("port", port)


def read_parameters(query: str) -> dict[str, Any]:
    """Read the parameters, by the name of the DatabaseUrl's field."""
    fields: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in _PARAMETERS:
            shown = name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "(with a name that is not a word)"
            raise UrlProblem(f"unknown parameter {shown}; known are {', '.join(sorted(_PARAMETERS))}")
        field = _PARAMETERS[name][0]
        if field in fields:
            raise UrlProblem(f"{name} is given twice")
        if not value:
            raise UrlProblem(f"{name} has no value")
        fields[field] = _read(name, decode(value, name))
    return fields


def check_host(host: str) -> None:
    """Refuse what is no host name, address or folder."""
    if host.startswith("/"):
        return
    if "," in host:
        raise UrlProblem("names several hosts: give one")
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise UrlProblem("the address in brackets is not an IPv6 address") from None
        return
    try:
        usable = re.fullmatch(r"[\w.-]+", host) is not None and bool(host.encode("idna"))
    except UnicodeError:
        usable = False
    if not usable:
        raise UrlProblem("the host is not a host name, an address or a folder that begins with /")


def decode(text: str, what: str) -> str:
    """Decode the percent-encoding of a text."""
    decoded = unquote(text, errors="surrogateescape")
    if "\0" in decoded:
        raise UrlProblem(f"the {what} holds a NUL byte")
    if any("\ud800" <= character <= "\udfff" for character in decoded):
        raise UrlProblem(f"the {what} is not UTF-8")
    return decoded


def _read(name: str, text: str) -> Any:
    try:
        return _PARAMETERS[name][1](text)
    except UrlProblem as problem:
        raise UrlProblem(f"{name} {problem}") from None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise UrlProblem(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _seconds(low: float, meaning: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) < low:
            raise UrlProblem(f"must be {meaning}")
        return float(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise UrlProblem(f"must be one of {', '.join(words)}")
        return text

    return read


def _flag(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _schema(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text):  # so that it needs no quotes anywhere
        raise UrlProblem("must be a name of lower-case letters, digits and _")
    return text


_PARAMETERS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "application_name": ("application_name", str),
    "connect_timeout": ("connect_timeout", _seconds(0.001, "a number of seconds above 0")),
    "connection_limit": ("pool_max", _whole(1, 1000)),
    "host": ("host", str),
    "pgbouncer": ("pgbouncer", _flag),
    "pool_timeout": ("pool_timeout", _seconds(0, "a number of seconds, 0 for no limit")),
    "port": ("port", _whole(1, 65535)),
    "schema": ("schema", _schema),
    "sslcert": ("sslcert", str),
    "sslkey": ("sslkey", str),
    "sslmode": ("sslmode", _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
    "sslrootcert": ("sslrootcert", str),
    "statement_cache_size": ("statement_cache_size", _whole(0, 100_000)),
}
