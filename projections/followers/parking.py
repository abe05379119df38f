"""Projecting into generations that are written and not read (ADR 0021).

What the live generation cannot take refuses the write. The others are built beside it: what one of
them cannot take is parked, with whatever follows it in its stream, and the write goes on.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection, literal, select
from sqlalchemy.exc import DBAPIError

from domain.refusals import Unavailable, VersionConflict
from projections.engines import backend_of
from projections.engines.backend import Verdict
from projections.followers.checkpoints import FOLLOWS_PARKED, Checkpoint
from projections.generations import Generation, Positioned
from projections.prepared import Prepared

ATTEMPTS = 2
"""Within one transaction only chance could answer differently."""
_EVERYTHING_RAN = Prepared(select(literal(1)))
log = structlog.get_logger()


def project_beside(
    connection: Connection, generation: Generation, events: Sequence[Positioned], now: int
) -> int:
    """Project events into a generation that is not read; return how many it could not take.

    Those are parked, ``now`` in microseconds since 1970.

    Raises:
        Unavailable, VersionConflict, DBAPIError: the database is busy or gone, or others got in the
            way: not the events' fault.
    """
    checkpoint = Checkpoint(generation)
    stale = set(checkpoint.stale_streams(connection))
    clear = [event for event in events if event.recorded.stream_id not in stale]
    together = not clear or _attempt(connection, generation, clear) is None
    parked = 0
    for event in events:
        if event.recorded.stream_id in stale:
            error: str | None = FOLLOWS_PARKED
        else:
            error = None if together else _attempts(connection, generation, event)
        if error is not None:
            stale.add(event.recorded.stream_id)
            checkpoint.park(connection, event, error, now)
            parked += 1
    return parked


def _attempts(connection: Connection, generation: Generation, event: Positioned) -> str | None:
    """Try to take one event; return why it cannot be."""
    failure: Exception | None = None
    for _ in range(ATTEMPTS):
        failure = _attempt(connection, generation, [event])
        if failure is None:
            return None
    log.error(
        "generation.parked",
        read_model=generation.read_model,
        generation=generation.number,
        position=event.position,
        topic=event.recorded.event.topic,
        error=repr(failure),
    )
    return repr(failure)


def _attempt(
    connection: Connection, generation: Generation, events: Sequence[Positioned]
) -> Exception | None:
    """Take all events or none; return what the generation raised."""
    savepoint = connection.begin_nested()
    try:
        generation.project(connection, events)
        _EVERYTHING_RAN.rows(connection)  # what was kept back fails here, not at the commit
    except (Unavailable, VersionConflict):
        raise
    except Exception as error:
        if _is_the_databases(connection, error):
            raise
        savepoint.rollback()
        return error
    savepoint.commit()
    return None


def _is_the_databases(connection: Connection, error: Exception) -> bool:
    """Whether an error says that the database is busy or gone, or that others got in the way."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return backend_of(connection.engine.url).verdict(cause) is not Verdict.DEFECT
