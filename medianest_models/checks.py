"""Checks of arguments, made before the database is asked.

Each `as_` function returns the value that it took, or raises an `InvalidInputError` that names the argument.
"""

from __future__ import annotations

import datetime
import ipaddress
import math
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from medianest_models.errors import InvalidInputError

MAX_INT: Final = 2**31 - 1
"""The largest number of an `integer` column."""

MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 1024
"""A longer password is never hashed, because the time for hashing grows with the length."""


def is_whole(value: object, least: int, most: float = math.inf) -> bool:
    """Return whether a value is an integer in the range, and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_unicode(text: str) -> bool:
    """Return whether a string can be stored: it has no lone surrogate. Python's own error would show the string."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_uuid(value: UUID | str, name: str) -> UUID:
    """Take an id, or the one that a text spells."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise InvalidInputError(f"{name}: must be a UUID or its text")


def as_text(value: str, name: str, *, max_length: int | None = None, may_be_empty: bool = False) -> str:
    """Take a text that has at most so many characters, and can be stored by PostgreSQL."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: must be a text, not {type(value).__name__}")
    if value == "" and not may_be_empty:
        raise InvalidInputError(f"{name}: must not be empty")
    if max_length is not None and len(value) > max_length:
        raise InvalidInputError(f"{name}: must be at most {max_length} characters long")
    if "\0" in value:
        raise InvalidInputError(f"{name}: must not hold a NUL byte")
    if not (value.isascii() or is_unicode(value)):
        raise InvalidInputError(f"{name}: is not valid Unicode")
    return value


def as_secret(value: SecretStr | str, name: str) -> SecretStr:
    """Take a secret, or a text as one."""
    secret = value if isinstance(value, SecretStr) else SecretStr(value)
    if not isinstance(secret.get_secret_value(), str):
        raise InvalidInputError(f"{name}: must be a text or a SecretStr")
    return secret


def as_new_password(value: SecretStr | str, name: str, *, min_length: int = MIN_PASSWORD_LENGTH) -> SecretStr:
    """Take a password that somebody is to have from now on: neither too short nor too long, and one can type it."""
    password = as_secret(value, name)
    if not min_length <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidInputError(f"{name}: must be {min_length} to {MAX_PASSWORD_LENGTH} characters long")
    as_text(password.get_secret_value(), name)
    return password


def as_aware(value: datetime.datetime, name: str) -> datetime.datetime:
    """Take an aware datetime."""
    if not isinstance(value, datetime.datetime):
        raise InvalidInputError(f"{name}: must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise InvalidInputError(f"{name}: must be an aware datetime, with a time zone")
    return value


def as_positive(value: int, name: str) -> int:
    """Take a whole number from 1 to `MAX_INT`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"{name}: must be a whole number, not {type(value).__name__}")
    if not 1 <= value <= MAX_INT:
        raise InvalidInputError(f"{name}: must be from 1 to {MAX_INT}")
    return value


def as_whole(value: int, name: str, least: int, most: int) -> int:
    """Take a whole number of that range."""
    if not is_whole(value, least, most):
        raise InvalidInputError(f"{name}: must be a whole number from {least} to {most}")
    return value


def as_duration(value: datetime.timedelta, name: str) -> datetime.timedelta:
    """Take a timedelta of more than zero."""
    if not isinstance(value, datetime.timedelta):
        raise InvalidInputError(f"{name}: must be a timedelta, not {type(value).__name__}")
    if value <= datetime.timedelta():
        raise InvalidInputError(f"{name}: must be more than zero")
    return value


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_IPV4_TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 2765
_IPV4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")  # RFC 4291
_HOST_BITS: Final = 2**24  # 0.0.0.0/8 belongs to no host, so that `::` and `::1` stay unchanged


def as_ip_address(value: str, name: str, *, ipv6_prefix: int | None = None) -> str:
    """Return the canonical form of an address: IPv4, also if it is wrapped in IPv6; IPv6 in its short form.

    IPv6 wraps IPv4 in `::ffff:0:0/96`, as a mapped address; in `::ffff:0:0:0/96`, as a translated one; in
    `64:ff9b::/96`, for NAT64; in `2002::/16`, for 6to4; and in `::/96`, as a compatible address. Teredo's and those of
    a network's own NAT64 stay what they are.

    Args:
        value: The address.
        name: The argument's name, for the error.
        ipv6_prefix: Return an IPv6 address's network with a prefix of so many bits; None for the address itself.
    """
    if ipv6_prefix is not None and as_positive(ipv6_prefix, "ipv6_prefix") > ipaddress.IPV6LENGTH:
        raise InvalidInputError(f"ipv6_prefix: must be at most {ipaddress.IPV6LENGTH}")
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: must be a text, not {type(value).__name__}")
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise InvalidInputError(f"{name}: is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:  # it means something on one machine only
            raise InvalidInputError(f"{name}: must not have a zone")
        address = _wrapped_ipv4(address) or address
        if isinstance(address, ipaddress.IPv6Address) and ipv6_prefix is not None:
            return str(ipaddress.IPv6Network((address, ipv6_prefix), strict=False))
    return str(address)


def _wrapped_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Find the IPv4 address that an IPv6 address holds."""
    if address in _NAT64 or address in _IPV4_TRANSLATED or (address in _IPV4_COMPATIBLE and int(address) >= _HOST_BITS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
