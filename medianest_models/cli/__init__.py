"""The command `medianest`: arguments in, text or JSON out; what it does stands in the rest of the package.

Exit status: 0 done, 1 it failed, 2 the arguments or the settings are wrong, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any, Final

import asyncclick as click
from dotenv import load_dotenv

from medianest_models import __version__
from medianest_models.cli.bootstrap import bootstrap_command
from medianest_models.cli.database import database_group
from medianest_models.cli.demo_data import demo_data_command
from medianest_models.cli.health import health_command, stats_command
from medianest_models.cli.prune import prune_command
from medianest_models.cli.secrets import secrets_group
from medianest_models.cli.seed import seed_command
from medianest_models.cli.setup import setup_command
from medianest_models.cli.studio import studio_command
from medianest_models.errors import ConfigurationError, MedianestError
from medianest_models.settings import load_settings

logger = logging.getLogger(__name__)

_STOPPED: Final = 130  # what a shell says of a program that SIGINT has ended


class Failure(click.ClickException):
    """An error of ours, printed as one line; exit status 1."""

    def __init__(self, error: MedianestError | str) -> None:
        super().__init__(" ".join(str(error).split()))


class BadSetting(Failure):
    """A setting that is missing or wrong; exit status 2."""

    exit_code = 2


class Application(click.Group):
    """The outermost group: here an error becomes a line and an exit status."""

    async def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return await super().invoke(ctx)
        except ConfigurationError as error:
            raise BadSetting(error) from None
        except MedianestError as error:
            raise Failure(error) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit, EOFError, KeyboardInterrupt):
            raise
        except Exception as error:
            logger.debug("unexpected", exc_info=True)
            raise Failure(f"unexpected {type(error).__name__}; LOG_LEVEL=debug shows where") from None


@click.group(cls=Application, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="medianest")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take settings from this file of NAME=value lines; they win over the environment's.",
)
def application(env_file: Path | None) -> None:
    """MediaNest's database: set it up, migrate it, seed it, look at it.

    Without DATABASE_URL every command uses an embedded PostgreSQL under this checkout and starts it when needed.
    """
    if env_file is not None:
        load_dotenv(env_file, override=True, interpolate=False)
    if os.environ.get("LOG_LEVEL"):
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("medianest_models").setLevel(load_settings().log_level.upper())
    else:  # a command's own output says what it did and what went wrong
        logging.getLogger("medianest_models").addHandler(logging.NullHandler())


application.add_command(setup_command)
application.add_command(database_group)
application.add_command(seed_command)
application.add_command(bootstrap_command)
application.add_command(prune_command)
application.add_command(secrets_group)
application.add_command(health_command)
application.add_command(stats_command)
application.add_command(studio_command)
application.add_command(demo_data_command)


def main() -> None:
    """The entry point."""
    try:
        application(_anyio_backend="asyncio", prog_name="medianest")
    except KeyboardInterrupt:  # Ctrl-C: the event loop raises it past click
        click.echo("Stopped.", err=True)
        sys.exit(_STOPPED)
