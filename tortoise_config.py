"""Tortoise's configuration for the `aerich` command, to which `[tool.aerich]` in pyproject.toml points."""

import sys
from types import TracebackType

from medianest_models.errors import MedianestError
from medianest_models.settings import load_settings, tortoise_config


def complain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error of ours as one line: Aerich would let it end in a traceback."""
    if isinstance(error, MedianestError):
        sys.stderr.write(f"Error: {error}\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = complain
TORTOISE_ORM = tortoise_config(load_settings(), for_migrations=True)
