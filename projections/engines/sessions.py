"""The driver's connections to PostgreSQL, which wait as their caller does (ADR 0024)."""

import select
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection, Engine, event, exc

from projections.engines.waiting import current_call, elsewhere, until_ready

R = TypeVar("R")
_READ, _WRITE = select.POLLIN, select.POLLOUT


class Session(psycopg.Connection[Any]):
    """A connection whose statements let the event loop go on while they wait."""

    def wait(self, gen: Generator[Any, Any, R], *arguments: Any, **named: Any) -> R:
        """Wait for the server wherever the driver would."""
        if current_call() is None:
            return super().wait(gen, *arguments, **named)
        try:
            wanted: Wait = next(gen)
            while True:
                wanted = gen.send(self._waited(wanted))
        except StopIteration as ended:
            result: R = ended.value
            return result

    def _waited(self, wanted: Wait) -> Ready:
        asked = (_READ if wanted & Wait.R else 0) | (_WRITE if wanted & Wait.W else 0)
        try:
            ready = until_ready(self.pgconn.socket, asked)
        except BaseException:
            self.close()  # nobody knows what of the conversation is still to come
            raise
        return Ready((Ready.W if ready & _WRITE else 0) | (Ready.R if ready & ~_WRITE else 0))


def sessions_on(engine: Engine) -> None:
    """Have an engine make sessions, and never on the event loop itself."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> Session:
        return elsewhere(lambda: Session.connect(*arguments, **named))

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        # What a server that went away has left behind is found without asking it.
        if _hung_up(connection):
            raise exc.DisconnectionError


def taken_from(engine: Engine) -> Connection:
    """Take a connection from the pool; on the event loop only one that is idle there.

    Raises:
        sqlalchemy.exc.TimeoutError: none became free.
    """
    if current_call() is not None and not engine.pool.checkedin():  # type: ignore[attr-defined]
        return elsewhere(engine.connect)
    return engine.connect()


def _hung_up(connection: Any) -> bool:
    """Whether the server has closed the connection; asks the operating system, not the server."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    try:
        while poll.poll(0):
            connection.pgconn.consume_input()  # a notice, or the server's last words
    except psycopg.OperationalError:
        return True
    return bool(connection.closed)
