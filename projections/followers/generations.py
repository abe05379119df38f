"""Which generations of the followed read models there are to keep behind the log (ADR 0021)."""

from collections.abc import Callable, Sequence
from functools import partial
from time import sleep

from sqlalchemy import Connection

from domain.ports import Clock
from projections.database import Database
from projections.event_store import EventLog
from projections.followers.checkpoints import parked_of_all
from projections.followers.following import Following
from projections.generations import READ, Generation
from projections.registry import Registry
from projections.states import written_followers


def followings(
    database: Database,
    registry: Registry,
    log: EventLog,
    clock: Clock,
    pause: Callable[[float], object],
) -> Sequence[Following]:
    """Return a following for each followed read model; ``pause`` waits some seconds.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading() as connection:
        written = written_followers(connection, registry)
    live = [each.generation for each in written if each.state == READ]
    return [
        Following(database, log, model, clock, pause, beside=partial(_beside, registry, model))
        for model in live
    ]


def parking(
    database: Database, registry: Registry, log: EventLog, clock: Clock
) -> Sequence[Following]:
    """Return, for each generation with parked events that this code knows, what takes them again.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading() as connection:
        parked = parked_of_all(connection)
    keys = sorted({(each.read_model, each.generation) for each in parked})
    return [
        Following(database, log, registry.every[key], clock, sleep)
        for key in keys
        if key in registry.every
    ]


def _beside(registry: Registry, model: Generation, connection: Connection) -> Sequence[Generation]:
    return [
        each.generation
        for each in written_followers(connection, registry)
        if each.generation.read_model == model.read_model and each.generation.number != model.number
    ]
