"""How far a generation that is filled has come (a durable table, ADR 0021).

Rows of the read model and the note of how far they reach commit together, so a filling goes on
where it stopped, whatever stopped it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from projections.engines.spelling import insert_new
from projections.generations import Generation
from projections.prepared import Prepared
from projections.tables import fillings

_WHOLE = ""
"""In the place of a realm: the row about all of them."""


class Whole(NamedTuple):
    """The filling of a generation: everything up to ``position`` is in, once all realms are."""

    position: int
    realms_done: bool
    events: int
    holder: str
    """Which process worked on it last."""


class Place(NamedTuple):
    """Where the filling of a realm stands: right after a version of a stream, in order of ids."""

    stream_id: str = ""
    version: int = 0
    done: bool = False


class Filling:
    """The note of one generation; its functions work on the caller's connection."""

    def __init__(self, generation: Generation) -> None:
        self._key = {"b_read_model": generation.read_model, "b_generation": generation.number}
        self._plain = {"read_model": generation.read_model, "generation": generation.number}

    def begin(self, connection: Connection, position: int) -> None:
        """Begin to fill realm by realm with what stands up to a position."""
        self._insert(connection, _WHOLE, position)

    def whole(self, connection: Connection) -> Whole | None:
        """Return how far it has come, ``None`` where nothing was begun."""
        row = connection.execute(_ROW, {**self._key, "b_realm": _WHOLE}).first()
        return None if row is None else Whole(row.position, bool(row.done), row.events, row.holder)

    def held_by(self, connection: Connection, holder: str) -> None:
        """Say who works on it."""
        connection.execute(_HOLD, {**self._key, "holder": holder})

    def place(self, connection: Connection, realm: str) -> Place:
        """Return where a realm stands; at its beginning where it was not begun."""
        row = connection.execute(_ROW, {**self._key, "b_realm": realm}).first()
        return Place() if row is None else Place(row.stream_id, row.version, bool(row.done))

    def done(self, connection: Connection) -> frozenset[str]:
        """Return the realms that are filled."""
        return frozenset(connection.scalars(_REALMS_DONE, self._key))

    def held_place(self, connection: Connection, realm: str) -> Place:
        """Return where a realm stands, and keep everybody else from moving it until the commit."""
        bound = {**self._key, "b_realm": realm}
        row = _HELD.first(connection, bound)
        if row is None:
            self._insert(connection, realm, 0)
            row = _HELD.first(connection, bound)
        _, stream_id, version, done, *_ = row
        return Place(stream_id, version, bool(done))

    def held_whole(self, connection: Connection) -> Whole | None:
        """Return how far it has come, and keep everybody else from moving it until the commit."""
        row = _HELD.first(connection, {**self._key, "b_realm": _WHOLE})
        return None if row is None else Whole(row[0], bool(row[3]), row[4], row[5])

    def filled(self, connection: Connection) -> int:
        """Return how many events are in."""
        return sum(connection.scalars(_EVENTS, self._key))

    def move(self, connection: Connection, realm: str, place: Place, events: int) -> None:
        """Say how far a realm has come, ``events`` further than before."""
        bound = {**self._key, "b_realm": realm, "more": events, **_bound(place)}
        _MOVE.rows(connection, bound)

    def realms_done(self, connection: Connection) -> None:
        """Say that every realm is filled; from here on the log is taken in its order."""
        connection.execute(_DONE, self._key)

    def advance(self, connection: Connection, position: int, events: int) -> None:
        """Say that everything up to a position is in, ``events`` more than before."""
        _ADVANCE.rows(connection, {**self._key, "to": position, "more": events})

    def end(self, connection: Connection) -> None:
        """Forget it."""
        connection.execute(delete(fillings).where(_OWN), self._key)

    def _insert(self, connection: Connection, realm: str, position: int) -> None:
        row = {"position": position, "stream_id": "", "version": 0, "done": False, "events": 0}
        new = insert_new(connection.dialect.name, fillings)
        connection.execute(new.values(**self._plain, realm=realm, holder="", **row))


def reached(connection: Connection) -> Mapping[tuple[str, int], int]:
    """Return, by read model and generation, up to which position everything is in.

    Those of which not every realm is filled are missing: nothing is whole in them yet.
    """
    return {(name, number): position for name, number, position in connection.execute(_REACHED)}


def _bound(place: Place) -> dict[str, object]:
    return {"to_stream": place.stream_id, "to_version": place.version, "is_done": place.done}


_COLUMNS: Sequence[str] = ("position", "stream_id", "version", "done", "events", "holder")
_OWN = and_(
    fillings.c.read_model == bindparam("b_read_model"),
    fillings.c.generation == bindparam("b_generation"),
)
_REALM = and_(_OWN, fillings.c.realm == bindparam("b_realm"))
_ALL = and_(_OWN, fillings.c.realm == _WHOLE)
_REACHED = select(fillings.c.read_model, fillings.c.generation, fillings.c.position).where(
    fillings.c.realm == _WHOLE, fillings.c.done
)
_REALMS_DONE = select(fillings.c.realm).where(_OWN, fillings.c.done)
_ROW = select(*(fillings.c[name] for name in _COLUMNS)).where(_REALM)
_EVENTS = select(fillings.c.events).where(_OWN)
_HOLD = update(fillings).where(_ALL).values(holder=bindparam("holder"))
_HELD = Prepared(_ROW.with_for_update())
_MOVE = Prepared(
    update(fillings)
    .where(_REALM)
    .values(
        stream_id=bindparam("to_stream"),
        version=bindparam("to_version"),
        done=bindparam("is_done"),
        events=fillings.c.events + bindparam("more"),
    )
)
_DONE = update(fillings).where(_ALL).values(done=True)
_ADVANCE = Prepared(
    update(fillings)
    .where(_ALL)
    .values(position=bindparam("to"), events=fillings.c.events + bindparam("more"))
)
