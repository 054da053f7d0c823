"""Writing this process's log: as lines of text, or of JSON.

Only a program calls `configure_logging`, as the command `medianest` does. The rest of the package logs and configures
nothing, so that an application that imports it keeps its own way of logging.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from medianest_models.settings import load_settings


def configure_logging() -> None:
    """Write the log of this process to stderr, as LOG_FORMAT says, unless something else has configured logging.

    LOG_LEVEL is the level of the logger `medianest_models`; the levels of other loggers are left as they are.
    """
    settings = load_settings()
    handler = logging.StreamHandler()
    as_json = settings.log_format == "json"
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("medianest_models").setLevel(settings.log_level.upper())


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the ids of the current span of OpenTelemetry, if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: `timestamp`, `level`, `logger`, `message`; if known, `exception`, `trace_id`, `span_id`."""
        shown: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return json.dumps(shown | _span_ids())


def _span_ids() -> dict[str, str]:
    """Return the ids of the current span; without OpenTelemetry, which only an application loads, there is none."""
    trace = sys.modules.get("opentelemetry.trace")
    context = trace and trace.get_current_span().get_span_context()
    if not context or not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
