"""A private PostgreSQL of the tests: its own folder, port and processes, gone when it is left."""

import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.postgresql.account import find_account
from tests.postgresql.binaries import Binaries, find_binaries
from tests.postgresql.installation import initialize, readable, server_environment
from tests.postgresql.keeper import KeptFolder, kill_postmaster
from tests.serving import free_port

SUPERUSER = "postgres"
READY_SECONDS = 60.0
STOP_SECONDS = 60.0
# Another program may take a free port before PostgreSQL does.
PORTS_TRIED = 5
# For tests that do not kill it: nothing waits for the disk.
FLEETING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

Mode = Literal["smart", "fast", "immediate"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class ClusterFailed(AssertionError):
    """PostgreSQL did not do what the test needs; carries the end of its log."""


class Cluster:
    """PostgreSQL on a free port of 127.0.0.1, which the superuser enters without a password.

    Used as a context manager: entering makes the cluster and starts it; leaving stops it and
    removes every trace, as does the end of this process in any other way. `durable` keeps
    PostgreSQL's defaults for writing to disk; any other cluster may stand in memory. `settings` are
    any of postgresql.conf, read at each start. Any other role enters by its password only.

    Raises NoPostgreSQL where this machine has none.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Mapping[str, str | int] | None = None,
        binaries: Binaries | None = None,
    ) -> None:
        self.binaries = binaries or find_binaries()
        self.port = free_port()
        self.settings: dict[str, str | int] = {
            "listen_addresses": "127.0.0.1",
            "max_connections": 250,
            **({} if durable else FLEETING),
            **(settings or {}),
        }
        self._durable = durable
        self._account = find_account()
        self._programs = self.binaries.folder
        self._folder: KeptFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_before = False
        self._killed = False

    @property
    def folder(self) -> Path:
        """Holds `data`, the log and the socket; only there while the cluster is entered."""
        if self._folder is None:
            raise ClusterFailed("the cluster is not entered")
        return self._folder.path

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        if self._process is None:
            raise ClusterFailed("the cluster is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def url(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """A SQLAlchemy URL of `database`; dsn is the same for psycopg and PostgreSQL's programs."""
        return self.dsn(database, user=user, password=password).replace(":", "+psycopg:", 1)

    def dsn(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """A `postgresql://` URL of `database`."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        who = quote(user, safe="") + secret
        return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A superuser's connection that commits each statement."""
        return psycopg.connect(self.dsn(database), autocommit=True)

    def create_database(
        self, name: str, *, template: str | None = None, owner: str | None = None
    ) -> str:
        """Make a database and return its URL; a `template` is copied, and nobody may be in it."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        if owner is not None:
            statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        with self.connect() as connection:
            connection.execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, if there is one, and end the connections to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with self.connect() as connection:
            connection.execute(statement)

    def create_role(self, name: str, password: str) -> None:
        """Make a role that may log in, by its password alone (SCRAM-SHA-256)."""
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        with self.connect() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))

    def start(self) -> None:
        """Start, on the port it had before, and return once PostgreSQL takes connections."""
        for _ in range(PORTS_TRIED - 1):
            with suppress(_PortTaken):
                self._start()
                return
            self.port = free_port()
        self._start()

    def _start(self) -> None:
        options = {**self.settings, "port": self.port, "unix_socket_directories": self.folder}
        log_path = self.folder / "log"
        with log_path.open("ab") as log:
            # Asked before the server writes, which moves the same position.
            began = log.tell()
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", self.data),
                    *(part for key, value in options.items() for part in ("-c", f"{key}={value}")),
                ],
                cwd=self.folder,
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C is for the tests, which then stop it.
                start_new_session=True,
                **self._account.options,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                said = log_path.read_bytes()[began:].decode(errors="replace")
                if "could not create any TCP/IP sockets" in said and not self._started_before:
                    raise _PortTaken(said)
                raise ClusterFailed(f"postgres exited {self._process.returncode}\n{said}")
            if time.monotonic() > deadline:
                self.kill()
                raise ClusterFailed(f"not ready within {READY_SECONDS:.0f} s\n{self.log_tail()}")
            time.sleep(0.01)
        self._started_before = True
        self._killed = False

    def _is_ready(self) -> bool:
        """Line 1 of postmaster.pid is the process's number, line 8 its state."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def stop(self, mode: Mode = "fast") -> None:
        """Stop as `pg_ctl stop -m MODE` does; `immediate` leaves a recovery to the next start."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(_SIGNALS[mode])
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ClusterFailed(f"{mode} stop took too long\n{self.log_tail()}") from None
        self._process = None

    def restart(self, mode: Mode = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """kill -9 of the postmaster and of every process it started."""
        if self._process is None:
            return
        kill_postmaster(self._process.pid)
        self._process.wait()
        self._process = None
        self._killed = True

    def log_tail(self, lines: int = 60) -> str:
        try:
            text = (self.folder / "log").read_text(errors="replace")
        except (OSError, ClusterFailed):
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Stop, and remove the folder; nothing where that was done before."""
        if self._folder is None:
            return
        try:
            with suppress(ClusterFailed):
                if self._killed:
                    # Only a start frees the shared memory that a kill leaves behind.
                    self.settings.update(FLEETING)
                    self.start()
                self.stop("immediate")
        finally:
            self.kill()
            self._folder.remove()
            self._folder = None

    def __enter__(self) -> Self:
        try:
            self._programs = readable(self.binaries, self._account)
            self._folder = KeptFolder(self._account, durable=self._durable)
            initialize(self._programs, self.data, self._account, superuser=SUPERUSER)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _PortTaken(ClusterFailed):
    """Another program listens on the port chosen for the first start."""
