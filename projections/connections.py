"""The connections of one database in one process: who keeps them, and how transactions begin."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from sqlalchemy import Connection, Engine, event

from projections.engines.backend import Backend, Begin
from projections.engines.waiting import current_call
from projections.naming import names_of

_BEGIN = "rollbook_begin"
_OF_THE_CALL = "connection"


class Connections:
    """Gives connections of an engine; keeps those of who uses one again and again.

    Taking one from the pool and giving it back costs as much as a short read.
    """

    def __init__(self, backend: Backend, engine: Engine) -> None:
        self._backend = backend
        self._engine = engine
        self._home: int | None = None
        self._kept: dict[str, Connection] = {}

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            what_for = connection.info.get(_BEGIN, Begin.READ)
            backend.begin(connection.connection, what_for)

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def name(connection: Connection, _cursor: Any, text: str, *rest: Any) -> tuple[str, Any]:
            names = names_of(connection)
            return (text if names is None else names.spoken(text)), rest[0]

    def settle(self) -> None:
        """Keep connections for the calling thread, as long as it lives."""
        self._home = get_ident()

    @contextmanager
    def begun(self, purpose: str, what_for: Begin) -> Iterator[Connection]:
        """Give a connection on which a transaction has begun; what it leaves is rolled back."""
        with self.taken(purpose) as connection:
            connection.info[_BEGIN] = what_for
            connection.begin()
            yield connection

    def begin_anew(self, connection: Connection, what_for: Begin) -> None:
        """End the transaction of a connection, and begin another one."""
        connection.rollback()
        connection.info[_BEGIN] = what_for
        connection.begin()

    @contextmanager
    def taken(self, purpose: str) -> Iterator[Connection]:
        """Give a connection, kept or from the pool."""
        kept, place = self._keeping(purpose)
        connection = kept.pop(place, None) if kept is not None else None
        connection = connection or self._backend.connect(self._engine)
        connection.info[_BEGIN] = Begin.READ
        try:
            yield connection
        except BaseException:
            self._give_up(connection)
            raise
        if connection.in_transaction():
            connection.rollback()
        if kept is not None and place not in kept:
            kept[place] = connection
        else:
            connection.close()

    def _keeping(self, purpose: str) -> tuple[dict[str, Connection] | None, str]:
        """Return where a connection is kept between its uses, and under which name.

        A call on the event loop has one until it ends; the thread that serves has one for each
        purpose as long as it lives.
        """
        call = current_call()
        if call is not None:
            return call.kept, _OF_THE_CALL
        return (self._kept if get_ident() == self._home else None), purpose

    def _give_up(self, connection: Connection) -> None:
        """Give back a connection in whatever state; where it is lost, its whole pool is."""
        if not connection.invalidated and self._backend.is_broken(connection.connection):
            connection.invalidate()
            self._engine.dispose()
        connection.close()

    def close(self) -> None:
        """Give back what is kept."""
        while self._kept:
            self._kept.popitem()[1].close()
