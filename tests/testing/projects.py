"""Running the tests of a project that has nothing to do with this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from medianest_models.testing.servers import Server

_OURS: Final = ("MEDIANEST_", "DATABASE_", "ENCRYPTION_", "PYTEST_", "COV_")


def run_pytest(server: Server, folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run pytest on this server, with no other of our variables; return its exit status and what it said."""
    chosen = {"MEDIANEST_TEST_SERVER": server.url.render().get_secret_value()}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | chosen | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return ended.returncode, ended.stdout + ended.stderr
