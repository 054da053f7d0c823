"""The command `aerich`, run as its users run it, and copies of the migrations to add files to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from medianest_models.db import requirements
from medianest_models.migrate import applying
from medianest_models.settings import DatabaseUrl

CHECKOUT: Final = Path(__file__).parents[2]
FOLDER: Final = CHECKOUT / "migrations" / "models"
FILES: Final = requirements.migration_versions()


def aerich(url: DatabaseUrl, *arguments: str, folder: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    process = start_aerich(url, *arguments, folder=folder)
    output, errors = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def start_aerich(url: DatabaseUrl, *arguments: str, folder: Path = CHECKOUT) -> subprocess.Popen[str]:
    """Start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "aerich", *arguments],
        cwd=folder,
        env=os.environ | {"DATABASE_URL": url.render().get_secret_value()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def copy_of_migrations(folder: Path) -> Path:
    """Make a folder in which `aerich` works as in the checkout, with its own copy of the migrations."""
    for name in ("pyproject.toml", "tortoise_config.py"):
        shutil.copy(CHECKOUT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(CHECKOUT / "migrations", folder / "migrations", ignore=ignored)) / "models"


def use_folder(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make this process use the migration files in that folder."""
    for module in (requirements, applying):
        patch.setattr(module, "migrations_folder", lambda: folder)


def add_migration(
    models: Path, name: str, upgrade: str, downgrade: str = "SELECT 1", *, in_transaction: bool = True
) -> str:
    """Write a migration file with that SQL."""
    text = (models / FILES[-1]).read_text()
    state = text[text.index("MODELS_STATE = ") :]
    (models / name).write_text(
        f"RUN_IN_TRANSACTION = {in_transaction}\n"
        f"async def upgrade(db):\n    return {upgrade!r}\n"
        f"async def downgrade(db):\n    return {downgrade!r}\n{state}"
    )
    return name
