"""What a figure is worth nothing without: the machine, the versions, the durability."""

import os
import platform
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from projections.database import Database

from .rounds import Scale

PACKAGES = (
    "rollbook",
    "eventsourcing",
    "fastapi",
    "sqlalchemy",
    "uvicorn",
    "uvloop",
    "httptools",
    "orjson",
    "scim2-models",
    "scim2-server",
)
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def installed_versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "from the source tree" if package == "rollbook" else "absent"
    return found


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@dataclass(slots=True)
class Conditions:
    """`pragmas` are None when Rollbook was not run; load averages are of 1, 5 and 15 minutes."""

    scale: Scale
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    python: str = field(default_factory=platform.python_version)
    sqlite: str = sqlite3.sqlite_version
    packages: dict[str, str] = field(default_factory=installed_versions)
    cpu_count: int = field(default_factory=lambda: os.cpu_count() or 0)
    cpu_model: str = field(default_factory=cpu_model)
    load_at_start: tuple[float, float, float] = field(default_factory=os.getloadavg)
    load_at_end: tuple[float, float, float] | None = None
    pragmas: dict[str, str] | None = None

    def lines(self) -> list[str]:
        scale = self.scale
        loads = f"{_load(self.load_at_start)} at the start, {_load(self.load_at_end)} at the end"
        shape = f"{scale.rounds} paired rounds, {scale.concurrency} connections"
        text = [
            f"date            {self.date}",
            f"python          {self.python}, sqlite {self.sqlite}",
            "packages        " + ", ".join(f"{n} {v}" for n, v in self.packages.items()),
            f"cpu             {self.cpu_count} x {self.cpu_model}",
            f"load average    {loads}",
            f"measured        {shape}, {scale.seconds:g} s a step, {scale.users} users",
        ]
        if self.pragmas is not None:
            shown = ", ".join(f"{name}={value}" for name, value in self.pragmas.items())
            text.append(f"database file   {shown}")
        return text

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def read_pragmas(file: Path) -> dict[str, str]:
    """How durable a write was, each setting read where it lives.

    `journal_mode` stands in the file and is read from it bare. `synchronous` belongs to each
    connection: it is asked of one that Rollbook's own engine opened on the file.
    """
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as bare:
        (journal_mode,) = bare.execute("PRAGMA journal_mode").fetchone()
    database = Database(f"sqlite:///{file}")
    try:
        with database.reading() as connection:
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    finally:
        database.close()
    return {
        "synchronous": SYNCHRONOUS.get(synchronous, str(synchronous)),
        "journal_mode": str(journal_mode),
    }


def _load(averages: tuple[float, float, float] | None) -> str:
    return " ".join(f"{average:.2f}" for average in averages) if averages else "unknown"
