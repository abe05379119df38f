"""Sixteen threads append to the log at once, each to streams of its own, at a commit of 3 ms.

Rollbook's recorder beside the eventsourcing library's own for PostgreSQL: the same stored events,
one transaction an event, the same server, in alternating rounds. A commit is made to take three
milliseconds by `commit_delay`, which stands for a disk or a replica of that speed.
"""

import importlib.util
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from uuid import UUID, uuid4

import orjson
from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.migration import migrate
from projections.recorder import SqlRecorder
from projections.registry import Registry
from tests.postgresql.binaries import NoPostgreSQL
from tests.postgresql.cluster import Cluster

from .entra_users import new_user, user_document
from .on_postgresql import durable, read_settings
from .rounds import say

WRITERS = 16
SLOW_COMMIT: Mapping[str, str | int] = {"commit_delay": 3_000, "commit_siblings": 0}
"""Microseconds, and the number of other open transactions without which there is no delay."""
PROOFS = 40
DRIVER_POOL = "psycopg_pool"


@dataclass(slots=True)
class Writers:
    """Events a second, round by round; `commit_ms` is one writer's median commit, with and
    without the delay: the proof that it fires.
    """

    reason: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    commit_ms: tuple[float, float] = (0.0, 0.0)
    ours: list[float] = field(default_factory=list)
    stock: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        pairs = zip(self.ours, self.stock, strict=True)
        return median(ours / stock for ours, stock in pairs) if self.ours else None


def measure_writers(rounds: int, seconds: float) -> Writers:
    measured = Writers()
    if importlib.util.find_spec(DRIVER_POOL) is None:
        measured.reason = f"the library's recorder needs {DRIVER_POOL}"
        return measured
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(durable(SLOW_COMMIT))
            measured.settings = read_settings(cluster)
            measured.commit_ms = (_commit_ms(cluster, 0), _commit_ms(cluster, None))
            ours = stack.enter_context(_ours(cluster.create_database("ours")))
            stock = stack.enter_context(_stock(cluster))
            for number in range(rounds):
                pair = ((ours, measured.ours), (stock, measured.stock))
                for recorder, rates in pair if number % 2 else pair[::-1]:
                    rates.append(_drive(recorder, seconds))
                    say(f"16 writers {type(recorder).__name__}: {rates[-1]:.0f} events/s")
    except NoPostgreSQL as none:
        measured.reason = str(none)
    return measured


def _commit_ms(cluster: Cluster, delay: int | None) -> float:
    """The median commit of one connection, with a `commit_delay` of its own or the server's."""
    taken = []
    with cluster.connect() as connection:
        if delay is not None:
            connection.execute("SELECT set_config('commit_delay', %s, false)", [str(delay)])
        connection.execute("CREATE TABLE IF NOT EXISTS proof (n integer)")
        for number in range(PROOFS):
            connection.execute("BEGIN")
            connection.execute("INSERT INTO proof VALUES (%s)", [number])
            began = time.perf_counter()
            connection.execute("COMMIT")
            taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


@contextmanager
def _ours(url: str) -> Iterator[ApplicationRecorder]:
    database = Database(url)
    try:
        migrate(database, Registry([DirectoryG1()]))
        yield SqlRecorder(database)
    finally:
        database.close()


@contextmanager
def _stock(cluster: Cluster) -> Iterator[ApplicationRecorder]:
    """The library's recorder as its factory makes it, with a pool as large as ours."""
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

    cluster.create_database("stock")
    datastore = PostgresDatastore(
        dbname="stock",
        host="127.0.0.1",
        port=str(cluster.port),
        user="postgres",
        password="",
        pool_size=WRITERS,
        max_overflow=0,
    )
    try:
        recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
        recorder.create_table()
        yield recorder
    finally:
        datastore.close()


def _drive(recorder: ApplicationRecorder, seconds: float) -> float:
    """Events a second; every thread has opened its connection before the clock starts."""
    state = orjson.dumps(user_document(new_user(1), None))
    ready, done = threading.Barrier(WRITERS + 1), threading.Event()

    def write() -> int:
        stream, written = uuid4(), 0
        try:
            recorder.insert_events([_event(stream, 1, state)])
            ready.wait()
            while not done.is_set():
                written += 1
                recorder.insert_events([_event(stream, written + 1, state)])
        except Exception:
            ready.abort()
            raise
        return written

    with ThreadPoolExecutor(WRITERS) as threads:
        running = [threads.submit(write) for _ in range(WRITERS)]
        with suppress(threading.BrokenBarrierError):  # the writer says why
            ready.wait()
        began = time.perf_counter()
        done.wait(seconds)
        done.set()
        written = sum(writer.result() for writer in running)
        return written / (time.perf_counter() - began)


def _event(stream: UUID, version: int, state: bytes) -> StoredEvent:
    return StoredEvent(stream, version, "user.created", state)
