"""Where every read model stands against the log, and what an operator has to do about it.

A position alone does not say how fast it moves. What is in step with the log moves as fast as
events are recorded; what is behind is looked at twice, a moment apart.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from domain.ports import Clock
from projections.database import Database
from projections.event_store import newest_position
from projections.fillings import reached
from projections.followers.checkpoints import Standing, parked_of_each, standings
from projections.generations import DROPPED, READ, WRITTEN
from projections.log import system_clock
from projections.tables import events, generations

INLINE, FOLLOWS = "inline", "follows"
SAMPLE_SECONDS = 0.5
"""Between two looks at what is behind."""
RATE_SECONDS = 60
"""How far back the rate of what is in step looks."""
STALLED_SECONDS = 60
"""After which a follower that is behind and does not move is nobody's."""
_SECOND = 1_000_000


class ModelStatus(NamedTuple):
    """How a generation of a read model stands; ``moved_at`` in microseconds since 1970."""

    read_model: str
    generation: int
    kind: str
    """``inline``: written in the transaction of every write; ``follows``: behind the log."""
    state: str
    """Its state (ADR 0021); a follower that is read is ``following``, ``behind``, ``stalled``
    (behind, and nobody moves it) or ``stuck`` (it says why)."""
    position: int
    lag: int
    """Events of the log that it has not taken yet."""
    lag_seconds: float
    """How long ago the first of them was recorded; 0 when there is none."""
    rate: float
    """Events a second that it takes now."""
    parked: int
    stale: int
    """Resources about which an event is parked: what it says of them is old."""
    moved_at: int | None
    error: str | None
    """Why it does not get on, or why the newest parked event could not be taken."""

    @property
    def healthy(self) -> bool:
        """Whether nothing waits for an operator."""
        return self.advice is None

    @property
    def advice(self) -> str | None:
        """What an operator has to do, ``None`` when nothing."""
        if self.state == "stuck":
            return f"{self.read_model} does not get on: {self.error}; it is tried again by itself"
        if self.parked:
            return (
                f"{self.read_model}: {self.parked} events about {self.stale} resources are parked; "
                '"rollbook replay parked list" shows why, "rollbook replay parked retry" takes '
                "them again"
            )
        if self.state == "stalled":
            return (
                f"{self.read_model} is {self.lag} events behind and nobody moves it: start "
                '"rollbook serve", or look for "followers." in the log of a server that runs'
            )
        return None


class _Standing(NamedTuple):
    read_model: str
    generation: int
    kind: str
    state: str
    position: int
    parked: int = 0
    stale: int = 0
    moved_at: int = 0
    error: str | None = None


class _Reading(NamedTuple):
    """What one snapshot says."""

    at: int
    newest: int
    recorded: int
    """Events of the last :data:`RATE_SECONDS`."""
    found: Sequence[_Standing]

    @property
    def lags(self) -> bool:
        return any(each.position < self.newest for each in self.found)


def read_model_status(
    database: Database,
    clock: Clock = system_clock,
    pause: Callable[[float], object] | None = time.sleep,
) -> Sequence[ModelStatus]:
    """Return where every read model stands; takes :data:`SAMPLE_SECONDS` while one is behind.

    Without a ``pause`` it looks once, and the rate of what is behind is given as 0: whoever asks
    again and again has the positions to tell it from.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading() as connection:
        first = _read(connection, clock)
        if pause is None or not first.lags:
            return [_measured(connection, first, first, each) for each in first.found]
    pause(SAMPLE_SECONDS)
    with database.reading() as connection:
        now = _read(connection, clock)
        return [_measured(connection, first, now, each) for each in now.found]


def _read(connection: Connection, clock: Clock) -> _Reading:
    newest, now = newest_position(connection), clock()
    recorded = connection.scalar(_RECORDED, {"since": now - RATE_SECONDS * _SECOND}) or 0
    found = [*_inline(connection, newest), *_following(connection)]
    return _Reading(now, newest, recorded, found)


def _inline(connection: Connection, newest: int) -> Sequence[_Standing]:
    filled = reached(connection)
    found = []
    for name, number, state, parked, stale, error in connection.execute(_GENERATIONS):
        position = newest if state in WRITTEN else filled.get((name, number), 0)
        found.append(_Standing(name, number, INLINE, state, position, parked, stale, error=error))
    return found


def _following(connection: Connection) -> Sequence[_Standing]:
    return [
        _Standing(
            each.read_model,
            each.generation,
            FOLLOWS,
            _state_of(each),
            each.position,
            each.parked,
            each.stale,
            each.moved_at,
            each.error or each.parked_error,
        )
        for each in standings(connection)
    ]


def _state_of(each: Standing) -> str:
    if each.error:
        return "stuck"
    return "following" if each.state == READ else each.state


def _measured(
    connection: Connection, before: _Reading, now: _Reading, own: _Standing
) -> ModelStatus:
    lag, lag_seconds, state = 0, 0.0, own.state
    if own.position < now.newest:
        bound = {"after": own.position, "upto": now.newest}
        lag = connection.scalar(_COUNT, bound) or 0
        oldest = connection.scalar(_OLDEST, bound) or now.at
        lag_seconds = max(0, now.at - oldest) / _SECOND
        if state == "following":
            idle = (now.at - own.moved_at) / _SECOND
            state = "stalled" if min(idle, lag_seconds) >= STALLED_SECONDS else "behind"
    return ModelStatus(
        read_model=own.read_model,
        generation=own.generation,
        kind=own.kind,
        state=state,
        position=own.position,
        lag=lag,
        lag_seconds=lag_seconds,
        rate=_rate(connection, before, now, own),
        parked=own.parked,
        stale=own.stale,
        moved_at=own.moved_at or None,
        error=own.error,
    )


def _rate(connection: Connection, before: _Reading, now: _Reading, own: _Standing) -> float:
    if own.position == now.newest:
        return now.recorded / RATE_SECONDS
    seconds = (now.at - before.at) / _SECOND
    if seconds <= 0:
        return 0.0
    was = {(each.read_model, each.generation): each.position for each in before.found}
    after = was.get((own.read_model, own.generation), own.position)
    taken = connection.scalar(_COUNT, {"after": after, "upto": own.position}) or 0
    return taken / seconds


_GENERATIONS = (
    select(
        generations.c.read_model,
        generations.c.generation,
        generations.c.state,
        *parked_of_each(generations),
    )
    .where(generations.c.state != DROPPED)
    .order_by(generations.c.read_model, generations.c.generation)
)
_COUNT = (
    select(func.count())
    .select_from(events)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("upto"))
)
_OLDEST = (
    select(events.c.recorded_at)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("upto"))
    .order_by(events.c.position)
    .limit(1)
)
_RECORDED = (
    select(func.count()).select_from(events).where(events.c.recorded_at > bindparam("since"))
)
