"""The two servers as real subprocesses on free loopback ports, one worker each.

A server is a process group of its own and is ended as one, so that a worker never survives its
supervisor. What it printed is kept when something went wrong.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from .wire import Target

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
REALM = "bench"
COMMAND = "api.cli"


class ServerFailed(Exception):
    """A server or one of its commands did not do what the bench needs; the log's end is shown."""


@dataclass(frozen=True, slots=True)
class Running:
    target: Target
    process_id: int
    database: Path | None = None

    def processor_seconds(self) -> float:
        """What the server's processes have used so far, the database's not among them."""
        process = psutil.Process(self.process_id)
        family = [process, *process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in family)


@contextmanager
def rollbook(
    directory: Path, name: str = "rollbook", url: str | None = None, module: str = COMMAND
) -> Iterator[Running]:
    """Rollbook with one worker, through its command line, or through a twin of it.

    On the database of `url`, else on a fresh SQLite file in `directory`.
    """
    port = free_port()
    database = directory / f"{name}.db" if url is None else None
    public = f"http://127.0.0.1:{port}"
    # Whoever runs the bench may have settings of their own; they must not reach this server.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ROLLBOOK_")}
    environment = inherited | {
        "ROLLBOOK_DATABASE_URL": url or f"sqlite:///{database}",
        "ROLLBOOK_PUBLIC_URL": public,
        "ROLLBOOK_KEY_FILE": str(directory / f"{name}.key"),
    }
    log = directory / f"{name}.log"
    _command(["migrate"], environment, log)
    (tenant_url,) = _told(["realm", "create", REALM], environment, log, "tenant_url")
    (token,) = _told(["token", "issue", REALM], environment, log, "token")
    serve = ["serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with _process([sys.executable, "-m", module, *serve], environment, log, port) as process:
        shown = name if url is None else "rollbook-pg"
        target = Target(shown, tenant_url.partition("?")[0], token)
        yield Running(target, process.pid, database)


@contextmanager
def served(folder: Path, name: str) -> Iterator[int]:
    """Serve the SQLite file `name` of a folder by one worker; give its port."""
    port = free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ROLLBOOK_")}
    environment = inherited | {
        "ROLLBOOK_DATABASE_URL": f"sqlite:///{folder / name}.db",
        "ROLLBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ROLLBOOK_KEY_FILE": str(folder / f"{name}.key"),
    }
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", COMMAND, *arguments]
    with _process(command, environment, folder / f"{name}.log", port):
        yield port


@contextmanager
def scim2_server(directory: Path) -> Iterator[Running]:
    """The reference server of the python-scim project, all in memory, on the same HTTP stack."""
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", "--factory", "--host", "127.0.0.1"]
    arguments += ["--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    arguments += ["--no-access-log", "--log-level", "warning", "tests.bench.peer_app:asgi"]
    with _process(arguments, os.environ, directory / "scim2-server.log", port) as process:
        yield Running(Target("scim2-server", f"http://127.0.0.1:{port}/v2"), process.pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(arguments: list[str], environment: Mapping[str, str], log: Path) -> bytes:
    """Run one Rollbook command to its end and return what it printed."""
    words = " ".join(["rollbook", *arguments])
    with log.open("ab") as errors:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "api.cli", *arguments],
                cwd=ROOT,
                env=dict(environment),
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=READY_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise ServerFailed(f"{words} took over {READY_SECONDS:.0f} s{_end(log)}") from late
    if done.returncode:
        raise ServerFailed(f"{words} ended with {done.returncode}{_end(log)}")
    return done.stdout


def _told(
    arguments: list[str], environment: Mapping[str, str], log: Path, *wanted: str
) -> list[str]:
    """The wanted members of the object a command prints with `--json`."""
    printed = _command([*arguments, "--json"], environment, log)
    try:
        told = orjson.loads(printed)
        return [str(told[name]) for name in wanted]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        words = " ".join(arguments)
        raise ServerFailed(f"rollbook {words} did not print {wanted}: {error!r}") from error


@contextmanager
def _process(
    arguments: list[str], environment: Mapping[str, str], log: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield process
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode}{_end(log)}")
    finally:
        _stop(process)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode}{_end(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServerFailed(f"nothing listens on port {port} after {READY_SECONDS:.0f} s{_end(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end(log: Path) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n" + "\n".join(text.splitlines()[-15:])
