"""The query log: each statement with its duration and its parameters, without secrets.

At the level DEBUG of the logger `medianest_models.query` every statement is logged; a slow one is a warning at any
level.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretBytes, SecretStr

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("medianest_models.query")

_MASK: Final = "***"
_VALUE_LENGTH: Final = 200
_SQL_LENGTH: Final = 5000
_ITEMS: Final = 20

_SECRET_NAME: Final = re.compile(r"pass(word|wd|phrase)|token|api_?key|secret|credential", re.IGNORECASE)
_SECRET_JSON: Final = re.compile(rf'"[^"]*(?:{_SECRET_NAME.pattern})[^"]*"\s*:', re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"(\b[a-z][a-z0-9+.-]{1,30}://)[^/?#\s'\"]*@", re.IGNORECASE)
_SECRET_LITERAL: Final = re.compile(rf"((?:{_SECRET_NAME.pattern})\w*\"?[\s=:]*)'(?:[^']|'')*'", re.IGNORECASE)


def record(sql: str, parameters: Sequence[Any], seconds: float, slow_seconds: float) -> None:
    """Log a statement that was run.

    Args:
        sql: Its text.
        parameters: Its arguments.
        seconds: How long it took.
        slow_seconds: From how long on a statement is a warning.
    """
    if seconds >= slow_seconds:
        logger.warning("slow query, %.1f ms: %s %s", seconds * 1000, redact_sql(sql), redact(parameters))
    elif logger.isEnabledFor(logging.DEBUG):
        logger.debug("%.1f ms: %s %s", seconds * 1000, redact_sql(sql), redact(parameters))


def redact(value: Any) -> str:
    """The value as it may stand in a log: `***` for a secret, cut when it is long.

    A secret is what carries a true attribute `secret`, a `SecretStr`, a URL with credentials, and a JSON text or a
    mapping with a key that looks like one of a secret.
    """
    if getattr(value, "secret", False) or isinstance(value, (SecretStr, SecretBytes)):
        return _MASK
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, str):
        return _MASK if _CREDENTIALS.search(value) or _SECRET_JSON.search(value) else _cut(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return "{" + ", ".join(_redact_item(name, item) for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        more = [f"... {len(value)} in all"] if len(value) > _ITEMS else []
        return "[" + ", ".join([*map(redact, value[:_ITEMS]), *more]) + "]"
    return _cut(str(value))


def _redact_item(name: object, value: Any) -> str:
    return f"{name!r}: {_MASK if _SECRET_NAME.search(str(name)) else redact(value)}"


def _cut(text: str) -> str:
    """In quotes, so that a line break in a value does not begin a line of the log."""
    return repr(text) if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]!r}... ({len(text)} characters)"


def redact_sql(sql: str) -> str:
    """The text of a statement as it may stand in a log: without passwords written into it, cut when it is long."""
    text = _SECRET_LITERAL.sub(rf"\1'{_MASK}'", _CREDENTIALS.sub(rf"\1{_MASK}@", sql[: 2 * _SQL_LENGTH]))
    return text if len(text) <= _SQL_LENGTH else f"{text[:_SQL_LENGTH]}... ({len(sql)} characters)"
