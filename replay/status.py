"""Where every read model stands against the log."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from projections.database import Database
from projections.followers.checkpoints import parked_of_all, standings
from projections.generations import READ
from projections.tables import events, generations

INLINE, FOLLOWS = "inline", "follows"


class ModelStatus(NamedTuple):
    """How a generation of a read model stands; ``moved_at`` in microseconds since 1970."""

    read_model: str
    generation: int
    kind: str
    """``inline``: written in the transaction of every write; ``follows``: behind the log."""
    state: str
    """Its state (ADR 0021); a follower that is read is ``following``, ``behind`` or ``stuck``."""
    position: int
    lag: int
    """Events of the log that it has not taken yet."""
    parked: int
    moved_at: int | None
    error: str | None

    @property
    def healthy(self) -> bool:
        """Whether nothing waits for an operator."""
        return not self.parked and self.error is None


def read_model_status(database: Database) -> Sequence[ModelStatus]:
    """Return where every read model stands.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading() as connection:
        newest = connection.scalar(select(func.max(events.c.position))) or 0
        return [*_inline(connection, newest), *_following(connection)]


def _inline(connection: Connection, newest: int) -> Sequence[ModelStatus]:
    rows = connection.execute(
        select(generations.c.read_model, generations.c.generation, generations.c.state).order_by(
            generations.c.read_model, generations.c.generation
        )
    )
    parked = Counter((each.read_model, each.generation) for each in parked_of_all(connection))
    return [
        ModelStatus(name, number, INLINE, state, newest, 0, parked[name, number], None, None)
        for name, number, state in rows
    ]


def _following(connection: Connection) -> Sequence[ModelStatus]:
    found = []
    for standing in standings(connection):
        lag = (
            connection.scalar(
                select(func.count())
                .select_from(events)
                .where(events.c.position > standing.position)
            )
            or 0
        )
        state = "behind" if lag else "following"
        if standing.state != READ:
            state = standing.state
        found.append(
            ModelStatus(
                standing.read_model,
                standing.generation,
                FOLLOWS,
                "stuck" if standing.error else state,
                standing.position,
                lag,
                standing.parked,
                standing.moved_at or None,
                standing.error,
            )
        )
    return found
