"""A shell that types what a page says, in a folder of its own, against a running server.

`rollbook` and `python` are those of the tests. `curl` is the machine's, told to fail on an HTTP
error; where there is none, a stand-in (`tests.docs.curl`) that refuses what it does not know.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.serving import PROJECT

SECONDS = 300.0
_MARK = "\x1e"


def type_blocks(folder: Path, environment: Mapping[str, str], scripts: Sequence[str]) -> list[str]:
    """Type the scripts one after the other into one shell; return what each printed.

    Raises AssertionError with all that was printed where a command fails.
    """
    _furnish(folder)
    typed = "".join(f"printf '{_MARK}'\n{script}\n" for script in scripts)
    done = subprocess.run(
        ["sh", "-eu", "-c", typed],
        cwd=folder,
        env={
            **environment,
            "PATH": f"{folder / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "CURL_HOME": str(folder),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.split(_MARK)[1:]


def _furnish(folder: Path) -> None:
    """Put the commands a reader has into `.venv/bin`, where `make install` puts them."""
    commands = {
        "rollbook": f'exec "{sys.executable}" -m api.cli "$@"',
        "python": f'exec "{sys.executable}" "$@"',
    }
    if shutil.which("curl") is None:
        commands["curl"] = f'exec "{sys.executable}" -m tests.docs.curl "$@"'
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    for name, line in commands.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (folder / ".curlrc").write_text("fail-with-body\n")


def last_json(printed: str) -> Any:
    """The last JSON object in what was printed; answers of curl end without a line break."""
    decoder, found, place = json.JSONDecoder(), None, printed.find("{")
    while place >= 0:
        found, end = decoder.raw_decode(printed, place)
        place = printed.find("{", end)
    return found


def agrees(shown: Any, printed: Any) -> bool:
    """Whether an answer is as a page shows it; a page may leave out members of objects."""
    if isinstance(shown, dict):
        return isinstance(printed, dict) and all(
            name in printed and agrees(value, printed[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(printed, list)
            and len(shown) == len(printed)
            and all(map(agrees, shown, printed))
        )
    return bool(shown == printed)
