"""How far each follower has come, and which events it could not take (durable tables)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    ScalarSelect,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)

from projections.engines.spelling import insert_new
from projections.generations import Generation, Positioned
from projections.prepared import Prepared
from projections.tables import checkpoints, parked_events

FOLLOWS_PARKED = "an earlier event of this resource is parked"
_LONGEST_ERROR = 1_000


class Parked(NamedTuple):
    """An event that a follower could not take, as operators see it; ``parked_at`` as in events."""

    read_model: str
    generation: int
    position: int
    realm: str
    stream_id: str
    topic: str
    error: str
    parked_at: int


class Checkpoint:
    """The checkpoint of one follower; its functions work on the caller's connection."""

    def __init__(self, model: Generation) -> None:
        self._key = {"read_model": model.read_model, "generation": model.number}

    def position(self, connection: Connection) -> int:
        """Return the position of the last event that counts, 0 before the first."""
        [(position,)] = _POSITION.rows(connection, self._key)
        return int(position)

    def hold(self, connection: Connection) -> int:
        """Return the position and keep everybody else from moving it until the commit.

        It is -1 where there is none: the generation is written inline, or was dropped.

        This row, not the leader's lock, is what makes an event count once: a leader that was
        thought dead finds here that another one went on.
        """
        position = connection.execute(_HELD_POSITION, self._key).scalar()
        return -1 if position is None else int(position)

    def move(self, connection: Connection, position: int, now: int) -> None:
        """Say that everything up to ``position`` counts; what was wrong is over."""
        values = {"to": position, "now": now, "what": None}
        connection.execute(_MOVE, {**_bound(self._key), **values})

    def fail(self, connection: Connection, error: BaseException, now: int) -> None:
        """Keep why the follower does not get on."""
        values = {"now": now, "what": repr(error)[:_LONGEST_ERROR]}
        connection.execute(_FAIL, {**_bound(self._key), **values})

    def stale_streams(self, connection: Connection) -> frozenset[str]:
        """Return the streams of which an event is parked: their later ones have to wait."""
        return frozenset(id_ for (id_,) in _STALE.rows(connection, self._key))

    def park(self, connection: Connection, event: Positioned, error: str, now: int) -> None:
        """Put an event aside."""
        recorded = event.recorded
        connection.execute(
            insert_new(connection.dialect.name, parked_events).values(
                **self._key,
                position=event.position,
                realm=recorded.cause.realm,
                stream_id=recorded.stream_id,
                topic=recorded.event.topic,
                error=error[:_LONGEST_ERROR],
                parked_at=now,
            )
        )

    def still_fails(self, connection: Connection, position: int, error: BaseException) -> None:
        """Keep the newest error of a parked event."""
        connection.execute(
            _STILL_FAILS,
            {**_bound(self._key), "at": position, "what": repr(error)[:_LONGEST_ERROR]},
        )

    def unpark(self, connection: Connection, position: int) -> bool:
        """Take an event back; whether it was parked at all (any more)."""
        found = connection.execute(_UNPARK, {**_bound(self._key), "at": position})
        return found.rowcount == 1

    def parked(self, connection: Connection) -> list[Parked]:
        """Return what is parked, in the order of the log."""
        rows = connection.execute(_PARKED, self._key)
        return [Parked(*row) for row in rows]

    def unpark_all(self, connection: Connection) -> None:
        """Forget what was parked: the generation is filled anew."""
        connection.execute(_UNPARK_ALL, self._key)


def exchange_parked(connection: Connection, read_model: str, number: int) -> None:
    """Give what is parked for a generation to the one with the negated number, and the reverse."""
    for before, after in ((number, 0), (-number, number), (0, -number)):
        bound = {"b_read_model": read_model, "b_generation": before, "to_generation": after}
        _REGIVE.rows(connection, bound)


class Standing(NamedTuple):
    """Where a follower stands. ``moved_at`` in microseconds since 1970, 0 before the first move."""

    read_model: str
    generation: int
    position: int
    moved_at: int
    error: str | None
    parked: int
    stale: int
    """Resources of which an event is parked."""
    parked_error: str | None
    """Of the newest event that is parked."""
    state: str
    """That of its generation (ADR 0021)."""


def standings(connection: Connection) -> Sequence[Standing]:
    """Return where every follower of the database stands, by name."""
    return [Standing(*row) for row in connection.execute(_STANDINGS)]


def parked_of_all(connection: Connection) -> list[Parked]:
    """Return what is parked for any generation, in the order of the log."""
    return [Parked(*row) for row in connection.execute(_ALL_PARKED)]


def parked_of_each(table: Table) -> Sequence[ScalarSelect[Any]]:
    """Return, for each generation of a table: how many events are parked for it, of how many
    resources, and the error of the newest that does not just wait behind another one.
    """
    own = and_(
        parked_events.c.read_model == table.c.read_model,
        parked_events.c.generation == table.c.generation,
    )
    return (
        select(func.count()).where(own).scalar_subquery(),
        select(func.count(parked_events.c.stream_id.distinct())).where(own).scalar_subquery(),
        select(parked_events.c.error)
        .where(own, parked_events.c.error != FOLLOWS_PARKED)
        .order_by(parked_events.c.position.desc())
        .limit(1)
        .scalar_subquery(),
    )


def _bound(key: dict[str, object]) -> dict[str, object]:
    return {f"b_{name}": value for name, value in key.items()}


_OWN = and_(
    checkpoints.c.read_model == bindparam("read_model"),
    checkpoints.c.generation == bindparam("generation"),
)
_UPDATED = and_(
    checkpoints.c.read_model == bindparam("b_read_model"),
    checkpoints.c.generation == bindparam("b_generation"),
)
_OWN_PARKED = and_(
    parked_events.c.read_model == bindparam("read_model"),
    parked_events.c.generation == bindparam("generation"),
)
_BOUND_PARKED = and_(
    parked_events.c.read_model == bindparam("b_read_model"),
    parked_events.c.generation == bindparam("b_generation"),
)
_ONE_PARKED = and_(_BOUND_PARKED, parked_events.c.position == bindparam("at"))
_OWN_POSITION = select(checkpoints.c.position).where(_OWN)
_POSITION = Prepared(_OWN_POSITION)
_HELD_POSITION = _OWN_POSITION.with_for_update()
_FAIL = (
    update(checkpoints).where(_UPDATED).values(error=bindparam("what"), moved_at=bindparam("now"))
)
_MOVE = _FAIL.values(position=bindparam("to"))
_STALE = Prepared(select(parked_events.c.stream_id).where(_OWN_PARKED).distinct())
_REGIVE = Prepared(
    update(parked_events).where(_BOUND_PARKED).values(generation=bindparam("to_generation"))
)
_STILL_FAILS = update(parked_events).where(_ONE_PARKED).values(error=bindparam("what"))
_UNPARK = delete(parked_events).where(_ONE_PARKED)
_UNPARK_ALL = delete(parked_events).where(_OWN_PARKED)
_ALL_PARKED = select(*(parked_events.c[name] for name in Parked._fields)).order_by(
    parked_events.c.position, parked_events.c.read_model, parked_events.c.generation
)
_PARKED = _ALL_PARKED.where(_OWN_PARKED)
_STANDINGS: Select[Any] = select(
    checkpoints.c.read_model,
    checkpoints.c.generation,
    checkpoints.c.position,
    checkpoints.c.moved_at,
    checkpoints.c.error,
    *parked_of_each(checkpoints),
    checkpoints.c.state,
).order_by(checkpoints.c.read_model, checkpoints.c.generation)
