"""The process behind `medianest metrics`: an endpoint for Prometheus with the queue of downloads."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server

from medianest_models.db import database
from medianest_models.errors import ConfigurationError
from medianest_models.signals import on_signals
from medianest_models.telemetry.instrumenting import instrument, uninstrument
from medianest_models.telemetry.queue import queue_metrics


async def serve_metrics(*, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Connect to the database and serve the metrics until SIGTERM or Ctrl-C.

    It takes any free port for 0, and announces the address.

    Raises:
        ConfigurationError: The port can't be used, or a setting is wrong.
        DatabaseUnavailableError: The database can't be reached at first; later it may be away.
    """
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    instrument(meter_provider=provider)
    try:
        async with database(), queue_metrics(meter_provider=provider):
            stop = asyncio.Event()
            with on_signals(stop.set, signal.SIGTERM, signal.SIGINT), _endpoint(registry, host, port) as address:
                announce(address)
                await stop.wait()
    finally:
        uninstrument()
        provider.shutdown()


@contextmanager
def _endpoint(registry: CollectorRegistry, host: str, port: int) -> Iterator[str]:
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        problem = f"port {port} of {host} can't be used ({error.strerror}); --host and --port choose others"
        raise ConfigurationError(problem) from None
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
