import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from tests.serving import PROJECT

SECONDS = 60


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON value on standard output; anything beside it fails."""
        assert self.status == 0, self.err
        return json.loads(self.out)


Rollbook = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of an operator whose settings are all defaults."""
    # Set first, so that what a command makes of it is undone too.
    monkeypatch.setenv("ROLLBOOK_PUBLIC_URL", "")
    for name in [name for name in os.environ if name.startswith("ROLLBOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rollbook(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Rollbook:
    """Run one command in this process, which has its modules imported already."""
    # The log of a command outlives it, and would write to the captured stream of another test.
    monkeypatch.setattr("api.logs.configure", lambda _level: None)

    def command(*arguments: str) -> Done:
        status = 0
        try:
            run(list(arguments))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Done(status, *capsys.readouterr())

    return command


class Operator:
    """Runs commands as processes of their own, in one working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._servers = ExitStack()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ROLLBOOK_")}
        self.env = inherited | {"PYTHONPATH": str(PROJECT)}

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, name: str = "server") -> subprocess.Popen[bytes]:
        """Start a server whose output goes to the files `NAME.out` and `NAME.err`."""
        with (
            (self.folder / f"{name}.out").open("wb") as out,
            (self.folder / f"{name}.err").open("wb") as err,
        ):
            process = subprocess.Popen(
                [sys.executable, "-m", "api.cli", *arguments],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self._servers.callback(_end, process)
        return process

    def close(self) -> None:
        self._servers.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    made = Operator(tmp_path)
    yield made
    made.close()
