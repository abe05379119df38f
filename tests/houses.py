"""A migrated database with realms in it, for tests that need no server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, inspect, literal_column, select, table

from domain.cause import Actor, Cause
from domain.events import RecordedEvent
from domain.handlers.realms import create_realm
from domain.ports import Clock
from projections.credentials import HashKey
from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.log import SqlLog, system_clock
from projections.registry import Registry
from projections.spans.g1 import SpansG1
from tests.engines import WATCHERS, Engine

KEY = HashKey(b"k" * 32)
OPERATOR = Cause("", Actor("operator", "test"), "0" * 32, "test")


@dataclass(frozen=True)
class House:
    """One database of an engine, one log, and the ids of its realms by slug."""

    engine: Engine
    log: SqlLog
    realms: Mapping[str, str]

    @property
    def database(self) -> Database:
        return self.log.database

    def beside(self) -> Database:
        """Open the same database once more, as another process has it; to be closed by the test."""
        return self.engine.opened(self.database.url.render_as_string(hide_password=False))

    def cause(self, slug: str = "acme", *, correlation: str = "c" * 32) -> Cause:
        """Return the cause of a write in a realm."""
        return Cause(self.realms[slug], Actor("client", "scim"), correlation, "test")

    def events(self) -> list[RecordedEvent[Any]]:
        """Return every event, in the order of the log."""
        return [recorded for _, recorded in self.log.events.read(0, 1_000_000)]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of every table there is, sorted."""
        with self.database.reading() as connection:
            return all_rows(connection)

    @contextmanager
    def watching(self, watcher: Callable[[str], None]) -> Iterator[None]:
        """Call ``watcher`` with every statement inside the block, before it reaches the driver."""
        WATCHERS.append(watcher)
        try:
            yield
        finally:
            WATCHERS.remove(watcher)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the SQL of every statement executed inside the block."""
        seen: list[str] = []
        with self.watching(lambda statement: seen.append(" ".join(statement.split()))):
            yield seen


def all_rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table there is, sorted, as the driver gives them."""
    everything: Select[Any] = select(literal_column("*"))
    return {
        name: sorted(
            (tuple(row) for row in connection.execute(everything.select_from(table(name)))),
            key=repr,
        )
        for name in inspect(connection).get_table_names()
    }


@contextmanager
def opened_house(
    engine: Engine, *, clock: Clock = system_clock, slugs: Sequence[str] = ("acme",)
) -> Iterator[House]:
    """Open a new database with these realms; close and drop it afterwards."""
    with engine.migrated() as url:
        database = engine.opened(url)
        log = SqlLog(database, Registry([DirectoryG1(), SpansG1()]), KEY, clock)
        try:
            made = {slug: create_realm(OPERATOR, log, slug)[0] for slug in slugs}
            yield House(engine, log, made)
        finally:
            database.close()


def ticking(*instants: int) -> Callable[[], int]:
    """Return a clock that shows these instants, and the last one for ever."""
    left = list(instants)
    return lambda: left.pop(0) if len(left) > 1 else left[0]
