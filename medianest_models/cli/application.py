"""The top-level group of commands, and its options.

A command's module, and thereby the rest of the package, is imported only when that command is called.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import asyncclick as click

from medianest_models import __version__

logger = logging.getLogger(__name__)

_COMMANDS: Final = {
    "bootstrap": ("setup", "Make the first admin, from ADMIN_USERNAME and ADMIN_PASSWORD, when there is no admin."),
    "db": ("database", "Manage the database server and its schema."),
    "demo-data": ("setup", "Fill the database with a portal to look around in; migrates and seeds it first."),
    "health": ("health", "Say whether the database can be used."),
    "import-prisma": ("import_prisma", "Import a MediaNest that Prisma made, in one transaction; can be run again."),
    "maintain": (
        "maintain",
        "Do the regular upkeep: make partitions, roll up checks, remove what is old or expired.",
    ),
    "metrics": ("metrics", "Serve the metrics of the queue for Prometheus, until SIGTERM or Ctrl-C."),
    "prune": ("prune", "Delete expired sessions and rate limits, and what is older than a given age."),
    "secrets": ("secrets", "Make and rotate the keys of the secrets in the database."),
    "seed": ("setup", "Put in the default services and settings."),
    "setup": ("setup", "Start the database if it is the embedded one, migrate it, seed it, and say what there is now."),
    "stats": ("health", "Count users, media requests and downloads."),
    "studio": ("studio", "See and edit the database in a browser, on this machine, until Ctrl-C."),
}
"""Each command's module, and the first sentence of its help."""


class Application(click.Group):
    """The top-level group: it imports commands, and turns an error into one line and an exit status."""

    async def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with, and import it."""
        name, stub, rest = await super().resolve_command(ctx, args)
        return name, stub and load_command(stub), rest

    async def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return await super().invoke(ctx)
        except (click.Abort, click.exceptions.Exit, EOFError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename is None:  # the output can't be written
                raise
            from medianest_models.cli.output import AS_JSON, print_result  # noqa: PLC0415 - not needed for --version

            failure = error if isinstance(error, click.ClickException) else _failure(error)
        if ctx.meta.get(AS_JSON):
            print_result({"error": failure.format_message()}, "", as_json=True)
            await ctx.aexit(failure.exit_code)
        raise failure


def load_command(stub: click.Command) -> click.Command:
    """Import the command behind a stub, which has only its name and its first line of help."""
    module, _ = _COMMANDS[str(stub.name)]
    named = vars(import_module(f"{__package__}.{module}")).values()
    return next(found for found in named if isinstance(found, click.Command) and found.name == stub.name)


def _failure(error: Exception) -> click.ClickException:
    from medianest_models.errors import ConfigurationError, MedianestError  # noqa: PLC0415 - not needed for --version

    if not isinstance(error, MedianestError):
        logger.debug("unexpected", exc_info=error)
        return click.ClickException(f"unexpected {type(error).__name__}; LOG_LEVEL=debug shows where")
    failure = click.UsageError if isinstance(error, ConfigurationError) else click.ClickException
    return failure(" ".join(str(error).split()))


@click.group(cls=Application, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="medianest")
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take settings from this file of NAME=value lines; they win over the environment's, and over earlier files'.",
)
def application(env_files: Sequence[Path]) -> None:
    """MediaNest's database: set it up, migrate it, seed it, look at it.

    Without DATABASE_URL every command uses the embedded PostgreSQL of this project and starts it when needed.
    """
    if env_files:
        from medianest_models.cli.env_file import use_env_files  # noqa: PLC0415 - seldom needed

        use_env_files(env_files)
    if os.environ.get("LOG_LEVEL") or os.environ.get("LOG_FORMAT"):
        from medianest_models.logs import configure_logging  # noqa: PLC0415 - not needed for --version

        configure_logging()
    else:  # a command's own output says what it did and what went wrong
        logging.getLogger("medianest_models").addHandler(logging.NullHandler())
        warnings = logging.StreamHandler()
        warnings.setFormatter(logging.Formatter("Warning: %(message)s"))
        logging.getLogger("medianest_models.settings").addHandler(warnings)


for _name, (_module, _summary) in _COMMANDS.items():
    application.add_command(click.Command(_name, short_help=_summary))
