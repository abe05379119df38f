"""Which processes serve, and which generations each of them knows (ADR 0021).

A row says what a process knows, and a lock of its own that it lives: the lock ends with the process
at once, so no heart has to beat and nobody waits for a lease to run out.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

import orjson
from sqlalchemy import delete, insert, select

from domain.ports import Clock
from domain.refusals import Unavailable
from projections.database import Database
from projections.engines.backend import Hold
from projections.registry import Registry
from projections.tables import processes


class Process(NamedTuple):
    """A process that serves; ``since`` in microseconds since 1970 (UTC)."""

    process_id: str
    name: str
    """Its number and its host."""
    since: int


def process_name() -> str:
    """Return what this process is called where operators read of it."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Presence:
    """Has a process be known of for as long as it lives."""

    def __init__(self, database: Database, registry: Registry, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._knows = orjson.dumps(sorted(registry.every)).decode()
        self._id = str(uuid4())
        self._lock: Hold | None = None

    def keep(self) -> None:
        """Say that this process serves, where it is not said yet or any more.

        Raises:
            Unavailable: the database is busy or gone.
        """
        if self._lock is not None and self._lock.held():
            return
        self.leave()
        self._id = str(uuid4())
        lock = self._database.hold(_lock_of(self._id), once=True)
        row = {"process_id": self._id, "name": process_name(), "knows": self._knows}
        try:
            with self._database.writing_beside() as connection:
                connection.execute(insert(processes).values(**row, since=self._clock()))
                connection.commit()
        except BaseException:
            if lock is not None:  # it is not said yet: the next turn says it
                lock.release()
            raise
        self._lock = lock

    def leave(self) -> None:
        """Say that it does not serve any more."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            with suppress(Unavailable):  # whoever asks next finds that nobody holds the lock
                _forget(self._database, self._id)


def list_unaware(database: Database, read_model: str, number: int) -> Sequence[Process]:
    """Return the processes that live and do not know a generation; forget those that have died.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading() as connection:
        rows = connection.execute(select(processes).order_by(processes.c.since)).all()
    found = []
    for row in rows:
        lock = database.hold(_lock_of(row.process_id), once=True)
        if lock is not None:
            _forget(database, row.process_id)
            lock.release()
        elif [read_model, number] not in orjson.loads(row.knows):
            found.append(Process(row.process_id, row.name, row.since))
    return found


def _forget(database: Database, process_id: str) -> None:
    with database.writing_beside() as connection:
        connection.execute(delete(processes).where(processes.c.process_id == process_id))
        connection.commit()


def _lock_of(process_id: str) -> str:
    return f"process-{process_id}"
