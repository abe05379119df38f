"""The account that runs PostgreSQL, which refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.postgresql.binaries import NoPostgreSQL

# Debian's packages make the first; every system has the second.
OTHERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """`other` is (user id, group id), or None where this process's own account runs PostgreSQL."""

    other: tuple[int, int] | None

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `subprocess` that make the child this account."""
        if self.other is None:
            return {}
        user, group = self.other
        return {"user": user, "group": group, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make `path` this account's, where it is not already."""
        if self.other is not None:
            os.chown(path, *self.other)

    def reads(self, path: Path) -> bool:
        """Whether this account surely reads the folder `path`: another one, by the bits for all."""
        if self.other is None:
            return os.access(path, os.R_OK | os.X_OK)
        real = path.resolve()
        readable = real.stat().st_mode & stat.S_IROTH
        return bool(readable) and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in (real, *real.parents)
        )


def find_account() -> Account:
    """This process's own account; as root, another. Raises NoPostgreSQL where there is none."""
    if os.geteuid() != 0:
        return Account(None)
    for name in OTHERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account((entry.pw_uid, entry.pw_gid))
    raise NoPostgreSQL(f"it refuses root, and there is no account named {' or '.join(OTHERS)}")
