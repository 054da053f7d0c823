"""The query log: each statement with its duration and its parameters, without secrets.

At the level DEBUG of the logger `medianest_models.query` every statement is logged; a slow one is a warning at any
level.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import SecretBytes, SecretStr

from medianest_models.masking import MASK, holds_secret, mask_credentials, names_secret

logger = logging.getLogger("medianest_models.query")

_MASK: Final = "***"
_VALUE_LENGTH: Final = 200
_SQL_LENGTH: Final = 5000
_ITEMS: Final = 20

_NAME: Final = re.compile(r'"[^"]*"|\w+')
_CREDENTIALS: Final = re.compile(r"(//)[^/?#\s'\"]*@")
_LITERAL: Final = re.compile(
    r"e'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)", re.IGNORECASE | re.DOTALL
)


def record(sql: str, parameters: Sequence[Any], seconds: float, slow_seconds: float) -> None:
    """Log a statement that took so many seconds, at the level DEBUG, or as a warning when it is slow."""
    if seconds >= slow_seconds:
        logger.warning("slow query, %.1f ms: %s %s", seconds * 1000, redact_sql(sql), redact(parameters))
    elif logger.isEnabledFor(logging.DEBUG):
        logger.debug("%.1f ms: %s %s", seconds * 1000, redact_sql(sql), redact(parameters))


def redact(value: Any) -> str:
    """Format a value for a log: `***` for a secret; a long value is cut.

    Secrets are an object with a true attribute `secret`, a `SecretStr`, a string for which `masking.holds_secret` is
    true, and the value of a mapping's key that names a secret.
    """
    if getattr(value, "secret", False) or isinstance(value, (SecretStr, SecretBytes)):
        return _MASK
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, str):
        return _MASK if holds_secret(value) else _cut(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        items = (f"{name!r}: {_MASK if names_secret(str(name)) else redact(item)}" for name, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple)):
        more = [f"... {len(value)} in all"] if len(value) > _ITEMS else []
        return "[" + ", ".join([*map(redact, value[:_ITEMS]), *more]) + "]"
    return _cut(str(value))


def _cut(text: str) -> str:
    """Quote and cut a string; a line break in it must not start a new line of the log."""
    return repr(text) if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]!r}... ({len(text)} characters)"


def redact_sql(sql: str) -> str:
    """Format a statement for a log, in one line; a long one is cut.

    If it names a secret column, it shows no literal, because any of them may be the secret.
    """
    text = sql[: 2 * _SQL_LENGTH]
    hides = any(map(names_secret, _NAME.findall(_LITERAL.sub("", text))))

    def shown(literal: re.Match[str]) -> str:
        content = literal[0].strip("'")
        if not hides and not holds_secret(content):
            return literal[0]
        masked = mask_credentials(content).replace(MASK, _MASK)
        return f"'{_MASK}'" if hides or holds_secret(masked.replace(f"{_MASK}@", "")) else f"'{masked}'"

    text = " ".join(_CREDENTIALS.sub(rf"\1{_MASK}@", _LITERAL.sub(shown, text)).split())
    return text if len(text) <= _SQL_LENGTH else f"{text[:_SQL_LENGTH]}... ({len(sql)} characters)"
