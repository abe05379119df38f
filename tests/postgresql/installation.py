"""PostgreSQL's programs where its account can run them, and the cluster that `initdb` makes."""

import atexit
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.postgresql.account import Account
from tests.postgresql.binaries import Binaries, NoPostgreSQL
from tests.postgresql.keeper import KeptFolder

# The first puts strings in the order of their code points and knows the letters beyond ASCII; an
# initdb without that locale has the second.
LOCALES = ("C.UTF-8", "C")
# The superuser is trusted, as in PostgreSQL's own tests; every other role needs its password.
ACCESS = """\
local all {superuser} trust
local all all scram-sha-256
host all {superuser} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


class InitdbFailed(AssertionError):
    """`initdb` made no cluster; carries what it said."""


def server_environment() -> dict[str, str]:
    """This process's environment without a developer's settings for PostgreSQL; in English."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    return inherited | {"LC_ALL": "C"}


def initialize(programs: Path, data: Path, account: Account, *, superuser: str) -> None:
    """Make a cluster of UTF-8 in `data`; raises InitdbFailed."""
    said = ""
    for locale in LOCALES:
        done = subprocess.run(
            [
                programs / "initdb",
                *("-D", data),
                *("--username", superuser),
                *("--encoding", "UTF8"),
                *("--locale", locale),
                *("--auth", "trust"),
                "--no-sync",
                "--no-instructions",
            ],
            cwd=data.parent,
            env=server_environment(),
            capture_output=True,
            text=True,
            check=False,
            **account.options,
        )
        if done.returncode == 0:
            access = ACCESS.format(superuser=superuser)
            (data / "pg_hba.conf").write_text(access, encoding="utf-8")
            return
        said = f"initdb exited {done.returncode}\n{done.stdout}{done.stderr}"
    raise InitdbFailed(said)


def readable(binaries: Binaries, account: Account) -> Path:
    """The programs' folder, or a copy of it where `account` cannot read it (.venv of root's home).

    Raises NoPostgreSQL for an installed server, which a copy might part from its other files.
    """
    if account.reads(binaries.folder):
        return binaries.folder
    if binaries.origin == "installed":
        raise NoPostgreSQL(f"{binaries.folder} is closed to the account that must run it")
    return _copy(binaries.folder, account)


@cache
def _copy(programs: Path, account: Account) -> Path:
    """Once a process: `pginstall18` and, two folders up, the libraries that it links to."""
    folder = KeptFolder(account)
    atexit.register(folder.remove)
    installation, package = programs.parent, programs.parent.parent
    copied = folder.path / package.name / installation.name
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig", "doc", "man")
    shutil.copytree(installation, copied, symlinks=True, ignore=unneeded)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, folder.path / libraries.name, symlinks=True)
    for path in folder.path.rglob("*"):
        account.own(path)
    return copied / programs.name
