"""The directory at an instant, and exports, beside reading and decoding the raw log."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import bindparam, select

from domain.schemas import USER
from projections.tables import events
from replay.directory_then import DirectoryThen
from replay.export import Format, export
from replay.history import Between
from replay.moments import Moment

from .audit_states import instant_at
from .audit_store import Store
from .rounds import say
from .servers import REALM, ROOT

FILTER = 'active eq true and userName co "1" and not (title sw "x")'
BATCH = 500
_MEASURED = """
import sys
from api.cli import run
from tests.bench.memory import most_kib
try:
    run(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write(str(most_kib()))
"""


@dataclass(slots=True)
class Listing:
    """Seconds for the directory at a cut, and for the raw log up to it."""

    share: float
    """How far into the log the cut lies."""
    touched: float
    """The share of users with an event since."""
    users: int
    found: int
    directory: float
    raw: float

    @property
    def ratio(self) -> float:
        return self.raw / self.directory


@dataclass(slots=True)
class Exports:
    """Seconds for a stretch of the log; the most memory (MiB) for whole logs, by their events."""

    events: int
    raw: float = 0.0
    taken: dict[str, float] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    listed: dict[int, float] = field(default_factory=dict)
    """The same of the directory in the middle of the log."""


def raw_seconds(store: Store, upto: int, after: int = 0) -> float:
    """How long reading and decoding the log up to a position takes, in batches."""
    began = time.perf_counter()
    while found := store.service.log.events.read(after, BATCH, stop=upto):
        after = found[-1][0]
    return time.perf_counter() - began


def measure_listing(store: Store, share: float) -> Listing:
    """Find users under a filter; the raw log is read right before."""
    cut = int(store.shape.events * share)
    since = select(events.c.originator_id).where(events.c.position > bindparam("at")).distinct()
    with store.service.database.reading() as connection:
        changed = set(connection.scalars(since, {"at": cut}))
    asked = DirectoryThen(store.service.log, store.cause.realm, USER, Moment(0, cut), FILTER)
    raw = raw_seconds(store, cut)
    began = time.perf_counter()
    found = sum(1 for _ in asked.all())
    taken = time.perf_counter() - began
    touched = len(changed.intersection(store.users)) / len(store.users)
    row = Listing(share, touched, len(store.users), found, taken, raw)
    say(f"audit: directory at {share:.0%}: {taken:.1f} s, raw log {raw:.1f} s")
    return row


def measure_exports(store: Store, stretch: int, small: Store) -> Exports:
    """Export the last events in both forms; memory in processes of their own."""
    last = store.shape.events
    after = max(0, last - stretch)
    measured = Exports(last - after, raw_seconds(store, last, after))
    forms: tuple[Format, ...] = ("jsonl", "csv")
    for form in forms:
        with Path("/dev/null").open("wb") as nowhere:
            began = time.perf_counter()
            export(store.service.log, store.cause.realm, Between(after, last), form, nowhere)
            measured.taken[form] = time.perf_counter() - began
        say(f"audit: export as {form}: {measured.taken[form]:.1f} s, raw {measured.raw:.1f} s")
    for each in (small, store):
        count, middle = each.shape.events, instant_at(each, 0.5)
        asked = ("directory", REALM, "Users", "--at", middle, "--json")
        measured.listed[count] = _memory(each.file, *asked)
        measured.memory[count] = _memory(each.file, "export", REALM, "--format", "jsonl")
        say(f"audit: an export of {count:,} events takes {measured.memory[count]:.0f} MiB")
    return measured


def _memory(file: Path, *command: str) -> float:
    """The most memory that a command of `rollbook replay` takes, in MiB."""
    settings = {
        "ROLLBOOK_DATABASE_URL": f"sqlite:///{file}",
        "ROLLBOOK_KEY_FILE": str(file.with_suffix(".key")),
    }
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "replay", *command],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return int(done.stderr.split()[-1]) / 1024
