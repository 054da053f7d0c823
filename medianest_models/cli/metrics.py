"""`medianest metrics`."""

from __future__ import annotations

import importlib.util

import asyncclick as click

from medianest_models.errors import ConfigurationError


@click.command("metrics")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9464, show_default=True, help="0 takes any free one.")
async def metrics_command(*, host: str, port: int) -> None:
    """Serve the metrics of the queue for Prometheus, until SIGTERM or Ctrl-C.

    One such process is enough for any number of workers.
    """
    if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("prometheus_client") is None:
        raise ConfigurationError("this needs the extra telemetry: pip install 'medianest-models[telemetry]'")
    from medianest_models.telemetry.prometheus import serve_metrics  # noqa: PLC0415 - its extra may not be there

    await serve_metrics(host=host, port=port, announce=lambda address: click.echo(f"The metrics are at {address}"))
