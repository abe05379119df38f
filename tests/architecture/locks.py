"""The lock files as pip reads them, and the list of versions that may not be in them (ABUSE R1)."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)")


@dataclass(frozen=True)
class Pin:
    """One requirement of a lock file: `requirement` as written, `hashes` how many sha256 it has."""

    requirement: str
    hashes: int


@dataclass(frozen=True)
class Denied:
    """A range of versions that may not be installed, and why."""

    range: Requirement
    reason: str


def read_pins(lock: Path) -> list[Pin]:
    """The requirements of `lock` in order; its comments and continuation marks are dropped."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    joined = text.replace("\\\n", " ")
    return [
        Pin(_HASH.sub("", line).strip(), len(_HASH.findall(line)))
        for line in joined.splitlines()
        if line.strip()
    ]


def read_denied(path: Path) -> list[Denied]:
    """The denylist: `name<version  # reason` a line; raises ValueError for a line without one."""
    denied = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        specification, _, reason = line.partition("  # ")
        if not reason.strip():
            raise ValueError(f"{path.name}: {line!r} gives no reason")
        denied.append(Denied(Requirement(specification.strip()), reason.strip()))
    return denied


def loose_pins(lock: Path) -> list[str]:
    """Lines that are not `name==version` with at least one hash; options such as an index too."""
    return [
        pin.requirement
        for pin in read_pins(lock)
        if not pin.hashes or not re.match(r"[A-Za-z0-9._-]+==[^\s;*]+(\s*;.*)?$", pin.requirement)
    ]


def denied_pins(lock: Path, denied: list[Denied]) -> list[str]:
    """Pins inside a denied range, each with the reason; a bare name denies every version."""
    found = []
    for pin in read_pins(lock):
        requirement = Requirement(pin.requirement)
        version = next(iter(requirement.specifier)).version
        for entry in denied:
            same = canonicalize_name(entry.range.name) == canonicalize_name(requirement.name)
            if same and entry.range.specifier.contains(version, prereleases=True):
                found.append(f"{requirement.name} {version}: {entry.reason}")
    return found
