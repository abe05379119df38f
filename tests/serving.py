"""Rollbook as an operator runs it: its own process, port, database and command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.scim import Scim

PROJECT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60.0
STOP_SECONDS = 15.0


class ServerFailed(AssertionError):
    """The server or its command line did not do what the test needs; carries the end of its log."""


@dataclass(frozen=True)
class ServedRealm:
    """One realm made by the command line, with everything a client is given to connect."""

    name: str
    base: str
    token_endpoint: str
    client_id: str
    secret: str
    token: str

    def scim(self) -> Scim:
        return Scim(self.base, self.token)


class RunningServer:
    """`rollbook serve` on a free loopback port over the database of a URL.

    Used as a context manager: entering migrates, makes the realms, serves and waits for
    `/health/ready`; leaving stops. `kill` and `start` again are there for fault tests; `tree` is
    whose sources run and `options` are of `serve`, for tests that upgrade.
    """

    def __init__(
        self,
        directory: Path,
        database_url: str,
        *,
        realms: Sequence[str] = ("acme", "other"),
        workers: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.database_url = database_url
        self.log_path = directory / "rollbook.log"
        self.tree = PROJECT
        self.options: Sequence[str] = ()
        self.workers = workers
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.realms: dict[str, ServedRealm] = {}
        self._realm_names = realms
        self._process: subprocess.Popen[bytes] | None = None
        # A developer's own settings must not reach the server under test.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ROLLBOOK_")}
        self.env = inherited | {
            "ROLLBOOK_DATABASE_URL": database_url,
            "ROLLBOOK_PUBLIC_URL": self.url,
            "ROLLBOOK_KEY_FILE": str(directory / "rollbook.key"),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }

    @property
    def first(self) -> ServedRealm:
        return self.realms[self._realm_names[0]]

    @property
    def base(self) -> str:
        return self.first.base

    @property
    def token(self) -> str:
        return self.first.token

    @property
    def client_id(self) -> str:
        return self.first.client_id

    @property
    def secret(self) -> str:
        return self.first.secret

    @property
    def other_base(self) -> str:
        return self.realms[self._realm_names[1]].base

    @property
    def other_token(self) -> str:
        return self.realms[self._realm_names[1]].token

    @property
    def pid(self) -> int:
        """The process id of the server; with several workers, of their parent."""
        if self._process is None:
            raise ServerFailed("the server is not running")
        return self._process.pid

    def scim(self) -> Scim:
        return self.first.scim()

    def command(self, *args: str) -> str:
        """Run `rollbook ARGS…` and return its standard output; ServerFailed where it exits != 0."""
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *args],
            cwd=self.tree,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(
                f"rollbook {' '.join(args)} exited {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def cli(self, *args: str) -> Any:
        """Run `rollbook ARGS… --json` and return the parsed answer."""
        return json.loads(self.command(*args, "--json"))

    def create_realm(self, name: str) -> ServedRealm:
        """Make a realm and a pasted token for its first client; two calls of the command line."""
        made = self.cli("realm", "create", name)
        return ServedRealm(
            name=name,
            base=f"{self.url}/realms/{name}/scim/v2",
            token_endpoint=made["token_endpoint"],
            client_id=made["client_id"],
            secret=made["client_secret"],
            token=self.cli("token", "issue", name)["token"],
        )

    def start(self) -> None:
        """Serve and return once `/health/ready` answers 200."""
        with self.log_path.open("ab") as log:
            self._process = self._serve(log)
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise ServerFailed(f"serve exited {self._process.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"not ready within {READY_SECONDS:.0f} s\n{self.log_tail()}")
            time.sleep(0.05)

    def _serve(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        workers = ["--workers", str(self.workers)]
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", *address, *workers, *self.options],
            cwd=self.tree,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A session of its own, so that kill reaches the workers and not only their parent.
            start_new_session=True,
        )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not enough."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """kill -9 of the server and all its workers."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def log_tail(self, lines: int = 60) -> str:
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        try:
            self.command("migrate")
            for name in self._realm_names:
                self.realms[name] = self.create_realm(name)
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
