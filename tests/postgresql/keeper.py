"""A folder that ends with the process that made it, and with it the PostgreSQL that runs there.

A second process holds the reading end of a pipe: however the first one ends, kill -9 included, the
pipe closes, and the second one kills and removes what is left.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.postgresql.account import Account

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
PREFIX = "rollbook-pg-"
# `.s.PGSQL.65535` beside it must fit into the 104 bytes that macOS grants the name of a socket.
LONGEST_PATH = 85
MEMORY = Path("/dev/shm")  # noqa: S108 -- only mkdtemp writes there
# A whole run's databases and their log take less than half of it.
ROOM_IN_MEMORY = 4 << 30


class KeptFolder:
    """A new folder owned by `account`, which it can reach; `remove` ends it.

    One that need not outlive the machine is in memory where that has room: a database is 350
    files, and making them on a disk takes longer than most tests do with them.
    """

    def __init__(self, account: Account, *, durable: bool = True) -> None:
        parent = MEMORY if not durable and _has_room(account) else _parent(account)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgresql.keeper", self.path],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # A session of its own: Ctrl-C is for the tests, and this one cleans up after them.
            start_new_session=True,
        )
        account.own(self.path)

    def remove(self) -> None:
        """Kill what runs in the folder and remove it; nothing where that was done before."""
        clear(self.path)
        # Not by closing the pipe: a child that this process forked would hold it open.
        self._keeper.kill()
        self._keeper.communicate()


def kill_postmaster(pid: int) -> None:
    """SIGKILL of a postmaster and all it started; returns once none of them runs any more."""
    with suppress(psutil.NoSuchProcess):
        postmaster = psutil.Process(pid)
        # Stopped first: it must not start another child between being listed and being killed.
        postmaster.suspend()
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _await_end(family)


def clear(folder: Path) -> None:
    """End the postmaster of `folder`/data, if any, and remove the folder; OSError if it stays."""
    pid = _postmaster(folder)
    if pid is not None:
        _end_postmaster(pid)
    deadline = time.monotonic() + SECONDS
    while folder.exists():
        # Orphans of a postmaster that died alone may still write on their way out.
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)


def runs(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not, whose parent in a container may never ask."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end_postmaster(pid: int) -> None:
    """An immediate stop, which unlike kill -9 frees the shared memory; then kill -9 of the rest."""
    with suppress(psutil.NoSuchProcess):
        postmaster = psutil.Process(pid)
        postmaster.send_signal(signal.SIGQUIT)
        _await_end([postmaster])
        kill_postmaster(pid)


def _await_end(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + SECONDS
    while any(runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.01)


def _postmaster(folder: Path) -> int | None:
    """The process that runs on `folder`/data; never one that merely got the number later."""
    try:
        pid = int((folder / "data/postmaster.pid").read_text().partition("\n")[0])
        command = psutil.Process(pid).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if str(folder / "data") in command else None


def _has_room(account: Account) -> bool:
    """Whether `account` can use the memory that is mounted as a folder, and there is enough."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and account.reads(MEMORY)):
        return False
    free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return free >= ROOM_IN_MEMORY


def _parent(account: Account) -> str:
    """The first folder for temporary files that `account` reaches by a path short enough."""
    preferred = tempfile.gettempdir()
    for folder in (preferred, "/tmp", "/var/tmp"):  # noqa: S108 -- only mkdtemp writes there
        long = len(os.fsencode(folder)) + len(PREFIX) + 9 > LONGEST_PATH
        if not long and Path(folder).is_dir() and account.reads(Path(folder)):
            return folder
    return preferred


if __name__ == "__main__":
    sys.stdin.buffer.read()
    clear(Path(sys.argv[1]))
