"""The text of a PostgreSQL URL, taken apart.

No error quotes the URL: a password with a character that was not percent-encoded can end up in any part of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import unquote

NO_IPV6: Final = "the address in brackets is not an IPv6 address"

_URL: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30})://([^/?#]*)/?([^?#]*)\??([^#]*)(#.*)?", re.ASCII)
_PLACE: Final = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([^:]*))?")
_ENCODE: Final = (
    "in the user, the password and the database, characters with a meaning in URLs must be percent-encoded: "
    "@ is %40, / is %2F, ? is %3F, # is %23, % is %25"
)


def split_url(text: str, known: Collection[str]) -> dict[str, Any]:
    """Take the parts of a URL, by the names of `DatabaseUrl`'s fields and of the `known` parameters.

    Raises:
        ValueError: It can't be taken apart; the message completes "DATABASE_URL: ...".
    """
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("holds a space or a line break: remove it, or write it as %20")
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError("must begin with postgresql://")
    scheme, authority, path, query, fragment = match.groups()
    if scheme.lower() not in {"postgresql", "postgres", "asyncpg"}:
        raise ValueError(f"must begin with postgresql://, postgres:// or asyncpg://, not {scheme}://")
    at_signs = text.count("@")
    outside = fragment or "/" in path or at_signs > 1 or at_signs != authority.count("@")
    if outside or re.search(r"%(?![0-9a-fA-F]{2})", text):
        raise ValueError(_ENCODE)
    if not path:
        raise ValueError("has no database name: postgresql://user:password@host:5432/NAME")
    user_info, _, places = authority.rpartition("@")
    user, _, password = user_info.partition(":")
    parameters = _read_parameters(query, known)
    (host, port), *fallbacks = _read_places(places, parameters)
    return {name: _decode(value, name) for name, value in parameters.items()} | {
        "host": host,
        "port": port,
        "fallbacks": fallbacks,
        "user": _decode(user, "user") or None,
        "password": _decode(password, "password") or None,
        "database": _decode(path, "database name"),
    }


def _read_parameters(query: str, known: Collection[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in known:
            shown = name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "(with a name that is not a word)"
            raise ValueError(f"unknown parameter {shown}; known are {', '.join(sorted(known))}")
        if name in parameters:
            raise ValueError(f"{name} is given twice")
        if not value:
            raise ValueError(f"{name} has no value")
        parameters[name] = value
    return parameters


def _read_places(authority: str, parameters: dict[str, str]) -> list[tuple[str, str]]:
    """Read the hosts and their ports, which stand before the database or among the parameters."""
    found = [_PLACE.fullmatch(place) for place in authority.split(",")]
    before = [match.groups() for match in found if match]
    if len(before) < len(found):
        raise ValueError("the host and port are not whole: host, host:5432 or [IPv6 address]:5432")
    if any(address is not None and ":" not in address for address, _, _ in before):
        raise ValueError(NO_IPV6)
    hosts = [address or host for address, host, _ in before]
    ports = ["5432" if port is None else port for *_, port in before]
    is_before = {"host": hosts not in ([""], ["localhost"]), "port": any(port for *_, port in before)}
    for name, is_given in is_before.items():
        if is_given and name in parameters:  # Prisma writes a socket with a host `localhost` that is none
            raise ValueError(f"{name} is given twice: before the database and as a parameter")
    hosts = parameters.pop("host", ",".join(hosts) or "localhost").split(",")
    ports = parameters.pop("port", ",".join(ports)).split(",")
    if len(ports) not in {1, len(hosts)}:
        raise ValueError("port must be given once, or once for each host")
    return [(_decode(host, "host"), port) for host, port in zip(hosts, ports * len(hosts), strict=False)]


def _decode(text: str, what: str) -> str:
    decoded = unquote(text, errors="surrogateescape")
    if "\0" in decoded:
        raise ValueError(f"the {what} holds a NUL byte")
    if any("\ud800" <= character <= "\udfff" for character in decoded):
        raise ValueError(f"the {what} is not UTF-8")
    return decoded
