"""Rebuilding the directory: speed, memory as the log grows, and what writers notice of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from sqlalchemy import select

from api.composition import Service
from domain.commands import CreateUser
from domain.handlers.realms import create_realm
from domain.handlers.users import create_user
from projections.directory.g1.tables import metadata
from projections.row_statements import inserting
from tests.postgresql.binaries import NoPostgreSQL

from .bulk_log import write_log
from .filling import cause_in, service_at
from .leaver import OPERATOR
from .on_postgresql import durable
from .rounds import say
from .servers import REALM, ServerFailed
from .stock_runner import rate_of_runner

PACE = 0.04
"""Seconds between two writes: 25 a second."""
QUIET_SECONDS = 20.0
RAW_BATCH = 500
_RUN = ("tests.bench.rebuild_run",)
_COMMAND = ("api.cli", "replay", "rebuild", "directory", "--json")


@dataclass(slots=True)
class Rebuilt:
    """What one engine showed; times in seconds."""

    engine: str
    users: int
    reason: str = ""
    run: dict[str, float] = field(default_factory=dict)
    raw: float = 0.0
    """To insert the same rows raw, in batches."""
    runner: float = 0.0
    """Events a second of the library's runner."""
    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """Of each write at 25 a second, without a rebuild and beside one."""
    refused: int = 0
    held_ms: float = 0.0
    """For how long the switch of the rebuild beside the writes held them."""

    @property
    def rate(self) -> float:
        """Events a second of the filling."""
        return self.run["events"] / self.run["fill"]


@dataclass(slots=True)
class Rebuilds:
    """Both engines, and the most memory at two lengths of the log."""

    engines: list[Rebuilt]
    events: tuple[int, int]
    memory: tuple[float, float] = (0.0, 0.0)


def measure_rebuilds(
    users: int, runner_events: int, growth: tuple[int, int], logs: Path
) -> Rebuilds:
    embedded, served = Rebuilt("sqlite", users), Rebuilt("postgresql", users)
    _measure(embedded, f"sqlite:///{logs / 'rebuild.db'}", logs)
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(durable())
            url = cluster.create_database("rebuilt")
            _measure(served, url, logs)
            _measure_runner(served, cluster, url, runner_events, logs)
    except NoPostgreSQL as none:
        served.reason = str(none)
    memory = [_memory(events // 2, logs) for events in growth]
    return Rebuilds([embedded, served], growth, (memory[0], memory[1]))


def _measure(rebuilt: Rebuilt, url: str, logs: Path) -> None:
    key = logs / f"rebuild-{rebuilt.engine}.key"
    with service_at(url, key) as service:
        create_realm(OPERATOR, service.log, REALM)
        say(f"{rebuilt.engine}: a log of {rebuilt.users:,} users, two events each")
        write_log(service, cause_in(service, REALM), rebuilt.users)
        rebuilt.run = _end(_begin(_RUN, url, key))
        say(f"{rebuilt.engine}: {rebuilt.rate:,.0f} events/s, {rebuilt.run}")
        rebuilt.quiet, refused = _write(service, seconds=QUIET_SECONDS)
        process = _begin(_COMMAND, url, key)
        rebuilt.busy, more = _write(service, beside=process)
        rebuilt.refused = refused + more
        [outcome] = _end(process)
        rebuilt.held_ms = outcome["writers_held_ms"]
        shown = milliseconds(rebuilt.quiet), milliseconds(rebuilt.busy)
        say(f"{rebuilt.engine}: ms of a write, median/p99: {shown[0]}, beside a rebuild {shown[1]}")
        if rebuilt.engine == "sqlite":
            rebuilt.raw = _raw(service, logs)


def _begin(module: Sequence[str], url: str, key: Path) -> subprocess.Popen[str]:
    settings = {"ROLLBOOK_DATABASE_URL": url, "ROLLBOOK_KEY_FILE": str(key)}
    arguments = [url, str(key)] if module is _RUN else []
    return subprocess.Popen(
        [sys.executable, "-m", *module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings},
    )


def _end(process: subprocess.Popen[str]) -> Any:
    printed, _ = process.communicate()
    if process.returncode:
        raise ServerFailed(f"a rebuild ended with {process.returncode}: {printed}")
    return json.loads(printed)


def _write(
    service: Service, seconds: float = 0.0, beside: subprocess.Popen[str] | None = None
) -> tuple[list[float], int]:
    """Write at 25 a second, for a while or as long as a process runs; return how long each took."""
    taken, refused = list[float](), 0
    cause, end = cause_in(service, REALM), time.perf_counter() + seconds
    while (beside is None and time.perf_counter() < end) or (beside and beside.poll() is None):
        began = time.perf_counter()
        command = CreateUser(cause, {"userName": uuid4().hex, "displayName": "Written Beside"})
        try:
            service.log.handle(create_user, command)
        except Exception:  # noqa: BLE001  # whatever a client would have been refused with
            refused += 1
        taken.append(time.perf_counter() - began)
        time.sleep(max(0.0, PACE - taken[-1]))
    return taken, refused


def _raw(service: Service, logs: Path) -> float:
    """Insert the rows of the read model into a database of its own, as they stand, in batches."""
    with service.database.reading() as connection:
        rows: dict[str, list[Any]] = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }
    for row in (*rows["users_g1"], *rows["groups_g1"]):
        row["keys"] = json.dumps(row["keys"])
    with service_at(f"sqlite:///{logs / 'raw.db'}", logs / "raw.key") as empty:
        statements = {table.name: inserting(table) for table in metadata.sorted_tables}
        began = time.perf_counter()
        for table in metadata.sorted_tables:
            for start in range(0, len(rows[table.name]), RAW_BATCH):
                with empty.database.writing() as connection:
                    piece = rows[table.name][start : start + RAW_BATCH]
                    statements[table.name].write(connection, piece)
                    connection.commit()
        return time.perf_counter() - began


def _measure_runner(rebuilt: Rebuilt, cluster: Any, url: str, events: int, logs: Path) -> None:
    """The events of as many users as fit, both of each, into tables of their own."""
    name = "runner"
    with service_at(cluster.create_database(name), logs / "runner.key"):
        pass
    with service_at(url, logs / f"rebuild-{rebuilt.engine}.key") as service:
        recorder = service.log.events.recorder
        read = recorder.select_notifications(None, events // 2, topics=("user.created",))
        stored = [_plain(each) for each in read]
        ids = {each.originator_id for each in stored}
        later = recorder.select_notifications(
            rebuilt.users, events // 2, topics=("user.attributes-changed",)
        )
        stored += [_plain(each) for each in later if each.originator_id in ids]
    rebuilt.runner = rate_of_runner(cluster, name, stored)
    say(f"the library's runner: {rebuilt.runner:,.0f} events/s over {len(stored):,}")


def _plain(notification: Any) -> Any:
    return StoredEvent(
        notification.originator_id,
        notification.originator_version,
        notification.topic,
        notification.state,
    )


def _memory(users: int, logs: Path) -> float:
    url, key = f"sqlite:///{logs / f'memory-{users}.db'}", logs / f"memory-{users}.key"
    with service_at(url, key) as service:
        create_realm(OPERATOR, service.log, REALM)
        write_log(service, cause_in(service, REALM), users)
    found = _end(_begin(_RUN, url, key))
    say(f"{found['events']:,.0f} events: {found['memory'] / 1024:.0f} MiB, {found}")
    (logs / f"memory-{users}.db").unlink()
    return float(found["memory"])


def p99(taken: Sequence[float]) -> float:
    return quantiles(taken, n=100)[98]


def milliseconds(taken: Sequence[float]) -> str:
    return f"{median(taken) * 1_000:.1f}/{p99(taken) * 1_000:.1f}"
