import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.postgresql.absence import skipping
from tests.postgresql.binaries import find_binaries
from tests.postgresql.keeper import PROJECT, SECONDS, runs

RUN = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
from tests.postgresql.cluster import Cluster
with Cluster() as cluster:
    print(cluster.pid, cluster.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_run_that_was_ended(ending: signal.Signals) -> None:
    with skipping():
        find_binaries()
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        pid, _, path = run.stdout.readline().strip().partition(" ")
        postmaster, folder = psutil.Process(int(pid)), Path(path)
        assert folder.is_dir()
        run.send_signal(ending)
    deadline = time.monotonic() + SECONDS
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert not runs(postmaster)
