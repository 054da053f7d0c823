"""The parts of the example cluster that need no cluster; tests/cluster has the others."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from examples.cluster.processes import processes_in
from tests.conftest import CHECKOUT

LIMIT = 60
SCRIPT = """
import subprocess, sys
from pathlib import Path
from examples.cluster.processes import swept_at_the_end

folder = Path(sys.argv[1])
with swept_at_the_end(folder):
    subprocess.Popen(["sleep", "300"], cwd=folder / "below", start_new_session=True)
    print("started", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_of_a_script_that_ends_or_is_killed(tmp_path: Path) -> None:
    for number, kills in enumerate((False, True)):
        folder = tmp_path / str(number)
        (folder / "below").mkdir(parents=True)
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as script:
            assert script.stdout is not None
            assert script.stdout.readline() == b"started\n"
            assert len(processes_in(folder)) == 1
            if kills:
                script.kill()
        end = time.monotonic() + LIMIT
        while processes_in(folder) or folder.exists():
            assert time.monotonic() < end, f"processes {processes_in(folder)} are left"
            time.sleep(0.02)
