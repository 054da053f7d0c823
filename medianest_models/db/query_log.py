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

_SECRET_NAME: Final = re.compile(r"pass(word|wd|phrase)|token|api[^a-z0-9]?key|secret|credential", re.IGNORECASE)
# A key is not longer than that; without a limit a long text would take the square of its length.
_SECRET_JSON: Final = re.compile(rf'"[^"]{{0,200}}(?:{_SECRET_NAME.pattern})[^"]{{0,200}}"\s*:', re.IGNORECASE)
_SECRET_PARAMETER: Final = re.compile(
    rf"[?&;#][^?=&;#\s]{{0,200}}(?:{_SECRET_NAME.pattern})[^?=&;#\s]{{0,200}}=", re.IGNORECASE
)
_CREDENTIALS: Final = re.compile(r"(//)[^/?#\s'\"]*@")
_LITERAL: Final = re.compile(
    r"e'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)", re.IGNORECASE | re.DOTALL
)


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

    A secret is what carries a true attribute `secret`, a `SecretStr`, a URL with credentials or with a parameter that
    looks like one, and a JSON text or a mapping with a key that looks like one of a secret.
    """
    if getattr(value, "secret", False) or isinstance(value, (SecretStr, SecretBytes)):
        return _MASK
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, str):
        return _MASK if _CREDENTIALS.search(value) or _names_a_secret(value) else _cut(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return "{" + ", ".join(_redact_item(name, item) for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        more = [f"... {len(value)} in all"] if len(value) > _ITEMS else []
        return "[" + ", ".join([*map(redact, value[:_ITEMS]), *more]) + "]"
    return _cut(str(value))


def _names_a_secret(text: str) -> bool:
    """Whether it is JSON or a URL in which a key or a parameter looks like one of a secret."""
    return _SECRET_JSON.search(text) is not None or _SECRET_PARAMETER.search(text) is not None


def _redact_item(name: object, value: Any) -> str:
    return f"{name!r}: {_MASK if _SECRET_NAME.search(str(name)) else redact(value)}"


def _cut(text: str) -> str:
    """In quotes, so that a line break in a value does not begin a line of the log."""
    return repr(text) if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]!r}... ({len(text)} characters)"


def redact_sql(sql: str) -> str:
    """The text of a statement as it may stand in a log, cut when it is long.

    Without the secrets written into it: where it names one, no literal is shown, because any of them may be its value.
    """
    text = _CREDENTIALS.sub(rf"\1{_MASK}@", sql[: 2 * _SQL_LENGTH])
    hidden = _SECRET_NAME.search(_LITERAL.sub("", text)) is not None
    text = _LITERAL.sub(lambda literal: f"'{_MASK}'" if hidden or _names_a_secret(literal[0]) else literal[0], text)
    return text if len(text) <= _SQL_LENGTH else f"{text[:_SQL_LENGTH]}... ({len(sql)} characters)"
