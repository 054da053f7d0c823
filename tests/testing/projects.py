"""Running the tests of a project that has nothing to do with this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

_OURS: Final = ("MEDIANEST_", "DATABASE_", "ENCRYPTION_", "PYTEST_", "COV_")


def run_pytest(request: pytest.FixtureRequest, folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run pytest on the server of this run, without our variables; return its exit status and what it said."""
    server = request.config.getoption("--medianest-server")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--medianest-server={server}", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return ended.returncode, ended.stdout + ended.stderr
