"""A test that hangs or crashes its process fails, and the run goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.commands import python

_CRASHES: Final = """
import os, pytest

@pytest.mark.parametrize("n", range(12))
def test_crashes(n):
    if n in (0, 11):
        os._exit(1)
"""
_HANGS: Final = "import asyncio\n\nasync def test_hangs():\n    await asyncio.Event().wait()\n"


def run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run such tests as those of this folder are run."""
    (folder / "conftest.py").write_text(
        "from tests.conftest import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler"
    )
    (folder / "test_it.py").write_text(tests)
    return python("-m", "pytest", "-c", "pyproject.toml", "--rootdir", str(folder), *options, str(folder))


def test_the_tests_of_a_process_that_crashes_run_in_others(tmp_path: Path) -> None:
    ended = run(tmp_path, _CRASHES, "-n", "2", "-p", "no:randomly")
    assert ended.returncode == 1
    assert "= 2 failed, 10 passed in " in ended.stdout


@pytest.mark.parametrize("processes", ["0", "1"])
def test_a_test_that_hangs_fails_with_the_stacks(tmp_path: Path, processes: str) -> None:
    ended = run(tmp_path, _HANGS, "-n", processes, "-o", "faulthandler_timeout=1")
    assert ended.returncode == 1
    assert "Timeout (0:00:01)!\nThread 0x" in ended.stderr
    if processes != "0":
        assert "crashed while running 'test_it.py::test_hangs'" in ended.stdout


def test_no_hang_is_waited_for_for_ever(request: pytest.FixtureRequest) -> None:
    assert 0 < float(request.config.getini("faulthandler_timeout")) <= 600
