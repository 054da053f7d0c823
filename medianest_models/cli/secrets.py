"""`medianest secrets`: the keys that encrypt secrets at rest."""

from __future__ import annotations

import asyncclick as click

from medianest_models.crypto import generate_key


@click.group("secrets")
def secrets_group() -> None:
    """Keys for the secrets in the database."""


@secrets_group.command("generate-key")
def generate_key_command() -> None:
    """Print a new key for ENCRYPTION_KEYS, and nothing else."""
    click.echo(generate_key().get_secret_value())
