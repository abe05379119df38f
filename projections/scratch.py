"""A read model in memory, for one question about the past: filled from events, and thrown away.

The tables and the functions are those of a generation (ADR 0008), so that a filter means there what
it means in the database. The engine is SQLite's whichever one the database has; that both give a
filter the same meaning is a property test (ADR 0020).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import Connection, NullPool, create_engine, insert
from sqlalchemy.schema import CreateTable

from projections.generations import Generation, Positioned
from projections.tables import members

_BATCH = 500
Membership = tuple[str, str, str]
"""Group id, member id, type of the member."""


class Scratch:
    """One generation's tables, without indexes, and the memberships beside them."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._engine = create_engine("sqlite://", poolclass=NullPool)
        self._connection = self._engine.connect()
        for table in (*generation.metadata.sorted_tables, members):
            self._connection.execute(CreateTable(table))
        self._connection.commit()

    @contextmanager
    def filled(
        self, events: Iterable[Positioned], realm: str, memberships: Iterable[Membership] = ()
    ) -> Iterator[Connection]:
        """Give a connection on which the events are projected; it is empty again afterwards."""
        left = iter(events)
        while batch := list(islice(left, _BATCH)):
            self._generation.project(self._connection, batch)
        joined = iter(memberships)
        while some := list(islice(joined, _BATCH)):
            self._connection.execute(insert(members), _rows(realm, some))
        try:
            yield self._connection
        finally:
            self._connection.rollback()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._engine.dispose()


def _rows(realm: str, memberships: Sequence[Membership]) -> list[dict[str, str]]:
    names = ("group_id", "member_id", "member_type")
    return [{"realm": realm, **dict(zip(names, each, strict=True))} for each in memberships]
