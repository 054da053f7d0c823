"""OpenTelemetry: traces and metrics of this package (extra `telemetry`).

    from medianest_models.telemetry import instrument

    instrument()

Nothing else in the package imports OpenTelemetry, and without `instrument()` nothing is different. docs/telemetry.md
says what there is to see.
"""

from medianest_models.telemetry.instrumenting import instrument as instrument, uninstrument as uninstrument
from medianest_models.telemetry.queue import queue_metrics as queue_metrics
