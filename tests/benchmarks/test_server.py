"""The benchmark's measurement of the server's CPU time."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.server import ServerProcesses

BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"


def test_a_process_that_ends_takes_nothing_back() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        server = ServerProcesses(busy.pid)  # and this process is the server
        before = server.cpu_seconds()
        busy.stdout.readline()
        while_it_runs = server.cpu_seconds()
        busy.communicate(b"\n")
    assert before + 0.1 < while_it_runs <= server.cpu_seconds()
