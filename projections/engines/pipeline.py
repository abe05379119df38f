"""Prepared statements on PostgreSQL: several in one round trip (ADR 0011).

A round trip through the driver's cursor costs the worker three times what libpq needs for it, most
of it in waiting for the interpreter's lock again and again. So prepared statements go to libpq
itself, in its pipeline mode, on the driver's own connection and in the same transaction. What
begins a transaction, and whatever nobody waits for, is kept back and travels with the next
statement or with the commit, always in the order in which it was asked.

The server reads one message after the other, so each statement has a snapshot of its own where the
transaction is READ COMMITTED: what follows the lock of the log is read while it is held.
"""

import select
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from psycopg import Connection as Driver
from psycopg import DataError, OperationalError
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Connection, Engine, Executable, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect

from projections.engines.statements import Answer, Compiled, Parameters, Row, literals_of
from projections.engines.waiting import until_ready

WATCHERS: list[Callable[[str], None]] = []
"""Called with every statement that goes this way, before it does."""
_PLACE = "rollbook_line"
_NUMBERED: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_NUMBERS = count(1)


class _Asked:
    """A statement on its way, and its rows once it is answered."""

    __slots__ = ("compiled", "formats", "rows", "values")

    def __init__(self, compiled: Compiled, values: Sequence[Any]) -> None:
        self.compiled = compiled
        self.values = [_spelled(value) for value in values]
        self.formats = None
        if bytes in map(type, values):
            self.formats = [_BINARY if type(value) is bytes else _TEXT for value in values]
        self.rows: Sequence[Row] | None = None


class Line:
    """What is on its way to the server on one connection of the driver."""

    def __init__(self, driver: "Driver[Any]") -> None:
        self._driver = driver
        self._reading = Transformer(driver)
        self._known: set[bytes] = set()
        self._waiting: list[_Asked] = []

    def ask(self, compiled: Compiled, values: Sequence[Any] = ()) -> _Asked:
        """Take a statement; it waits for :meth:`send`."""
        for watcher in tuple(WATCHERS):
            watcher(compiled.text)
        asked = _Asked(compiled, values)
        self._waiting.append(asked)
        return asked

    def send(self) -> None:
        """Send what waits and take in the answers, in one round trip.

        Raises:
            psycopg.Error: of the first statement that failed; those after it did not run.
        """
        if not self._waiting:
            return
        asked, self._waiting = self._waiting, []
        libpq = self._driver.pgconn
        try:
            libpq.enter_pipeline_mode()
            new = self._write(libpq, asked)
            results = _results(libpq)
            libpq.exit_pipeline_mode()
        except BaseException:
            # Nobody knows what of the conversation is still to come.
            self._driver.close()
            raise
        self._take_in(asked, new, results)

    def roll_back(self) -> None:
        """Drop what was not sent, and end the transaction if one has begun.

        The driver's own way would have the server forget every prepared statement.
        """
        self._waiting.clear()
        if not self._driver.closed and self._driver.pgconn.transaction_status != _IDLE:
            self.ask(_ROLLBACK)
            self.send()

    def _write(self, libpq: PGconn, asked: Sequence[_Asked]) -> dict[int, bytes]:
        """Write the messages; return new statements' names by the place of their answer."""
        new: dict[int, bytes] = {}
        place = 0
        for one in asked:
            name = one.compiled.name
            if name not in self._known and name not in new.values():
                libpq.send_prepare(name, one.compiled.text.encode())
                new[place] = name
                place += 1
            libpq.send_query_prepared(name, one.values, one.formats)
            place += 1
        libpq.pipeline_sync()
        return new

    def _take_in(
        self, asked: Sequence[_Asked], new: dict[int, bytes], results: Sequence[PGresult]
    ) -> None:
        rest = iter(asked)
        for place, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                error = error_from_result(result)
                if error.sqlstate is None:
                    raise OperationalError(str(error)) from error
                if error.sqlstate == _NO_SUCH_STATEMENT:
                    self._known.clear()  # somebody between here and the server has thrown them away
                raise error
            if place in new:
                self._known.add(new[place])
            else:
                next(rest).rows = self._rows(result)

    def _rows(self, result: PGresult) -> Sequence[Row]:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._reading.set_pgresult(result)
        rows: Sequence[Row] = self._reading.load_rows(0, result.ntuples, tuple)
        return rows


class Pipelined:
    """In libpq's pipeline mode. Implements :class:`projections.engines.statements.Statements`."""

    at_once = False
    sets = True

    def compiled(self, statement: Executable, dialect: Dialect) -> Compiled:  # noqa: ARG002  # ours
        """Return the text with the server's own placeholders."""
        done: Any = statement.compile(dialect=_NUMBERED)  # type: ignore[attr-defined]
        return Compiled(done.string, done.positiontup, literals_of(done), _name())

    def rows(
        self, connection: Connection, compiled: Compiled, parameters: Parameters
    ) -> Sequence[Row]:
        """Send what waits, and this statement with it."""
        return self.later(connection, compiled, parameters)()

    def later(self, connection: Connection, compiled: Compiled, parameters: Parameters) -> Answer:
        """Keep the statement back until another one is sent or its answer is wanted."""
        line = line_of(connection.connection)
        asked = line.ask(compiled, compiled.values(parameters))

        def answer() -> Sequence[Row]:
            if asked.rows is None:
                line.send()
            if asked.rows is None:
                raise RuntimeError("a statement was rolled back before it was sent")
            return asked.rows

        return answer

    def many(self, connection: Connection, compiled: Compiled, rows: Sequence[Parameters]) -> None:
        """Send the statement so many times."""
        line = line_of(connection.connection)
        for row in rows:
            line.ask(compiled, compiled.values(row))


def line_of(connection: Any) -> Line:
    """Return the line of a connection of the pool; it lasts as long as the driver's."""
    line: Line | None = connection.info.get(_PLACE)
    if line is None:
        line = connection.info[_PLACE] = Line(connection.dbapi_connection)
    return line


def lines_on(engine: Engine) -> None:
    """Keep the order: whatever else runs on a connection of the engine comes after what waits."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Connection, *_: Any) -> None:
        line_of(connection.connection).send()

    def do_commit(connection: Any) -> None:
        line = line_of(connection)
        line.ask(_COMMIT)
        line.send()

    engine.dialect.do_commit = do_commit  # type: ignore[method-assign,assignment]  # in one round trip

    @event.listens_for(engine, "rollback")
    def rollback(connection: Connection) -> None:
        if not connection.invalidated:
            line_of(connection.connection).roll_back()

    @event.listens_for(engine, "reset")
    def reset(_driver: Any, record: Any, _state: Any) -> None:
        line: Line | None = record.info.get(_PLACE)
        if line is not None:
            line.roll_back()


def spoken(text: str) -> Compiled:
    """Return a statement without parameters."""
    return Compiled(text, (), {}, _name())


def _name() -> bytes:
    return b"rollbook_%d" % next(_NUMBERS)


def _results(libpq: PGconn) -> list[PGresult]:
    """Wait for the answers to everything that was written."""
    results = list[PGresult]()
    while libpq.flush():
        if until_ready(libpq.socket, select.POLLIN | select.POLLOUT) & ~select.POLLOUT:
            libpq.consume_input()
    while True:
        while libpq.is_busy():
            until_ready(libpq.socket, select.POLLIN)
            libpq.consume_input()
        result = libpq.get_result()
        if result is None:
            if libpq.status == ConnStatus.BAD:
                raise OperationalError("the connection was lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


def _spelled(value: Any) -> bytes | None:
    """Return a value as the server reads it."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bytes):
        return value
    return _array(value) if isinstance(value, list) else _text(value)


def _array(values: list[Any]) -> bytes:
    if values and all(type(value) is str for value in values):
        joined = '","'.join(values)
        # Names and ids, most of what is written: nothing in them needs to be marked.
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return b'{"%b"}' % _text(joined)
    return b"{%b}" % b",".join(map(_element, values))


def _text(value: Any) -> bytes:
    if isinstance(value, str):
        if "\0" in value:
            raise DataError("text of PostgreSQL cannot contain NUL")
        return value.encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"%d" % value
    raise TypeError(f"a prepared statement takes no {type(value).__name__}")


def _element(value: Any) -> bytes:
    if value is None:
        return b"NULL"
    if isinstance(value, bytes):
        return b'"\\\\x%b"' % value.hex().encode()
    return b'"%b"' % _text(value).replace(b"\\", b"\\\\").replace(b'"', b'\\"')


_TEXT, _BINARY = Format.TEXT, Format.BINARY
_IDLE = TransactionStatus.IDLE
_NO_SUCH_STATEMENT = "26000"
_COMMIT, _ROLLBACK = spoken("COMMIT"), spoken("ROLLBACK")
