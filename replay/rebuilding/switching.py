"""Which generation is read: the switch, the way back, and the end of what is not read any more."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Table, delete, inspect, select, tuple_

from domain.refusals import Unavailable
from projections.database import Database
from projections.engines.backend import Hold
from projections.fillings import Filling
from projections.followers.checkpoints import Checkpoint, exchange_parked
from projections.generations import (
    CACHE_SECONDS,
    DROPPED,
    READ,
    RETIRED,
    SHADOW,
    Generation,
    Registry,
    Spare,
)
from projections.states import end_state, live_number, set_state, states_of
from replay.rebuilding.pace import Pace
from replay.rebuilding.patience import Courtesy
from replay.rebuilding.progress import Moment, Progress, unwatched
from replay.rebuilding.refusals import HeldByAnother, RebuildRefused

_ATTEMPTS = 50
_PAUSE = 0.2
R = TypeVar("R")
_BETWEEN = "_exchanged"


@contextmanager
def working_on(database: Database, read_model: str, generation: Generation) -> Iterator[Hold]:
    """Let nobody else rebuild, switch or drop generations of a read model inside the block.

    Raises:
        HeldByAnother: somebody does; the message says who.
    """
    hold = database.hold(f"rebuild-{read_model}")
    if hold is None:
        with database.reading() as connection:
            whole = Filling(generation).whole(connection)
        who = whole.holder if whole and whole.holder else "another process"
        raise HeldByAnother(
            f"{who} is at work on {read_model}; wait until it ends, or stop it: what it has filled "
            "stays, and whoever comes next goes on from there"
        )
    try:
        yield hold
    finally:
        hold.release()


def switch(database: Database, registry: Registry, to: Generation, *, stale: bool = False) -> float:
    """Have a generation that is in shadow, or retired, be read; return the seconds writers waited.

    The one that was read is retired: it is written on, as the way back. ``stale`` allows a follower
    of which events are parked.

    Raises:
        RebuildRefused: events are parked, or the generation is not written.
        Unavailable: no moment was found without somebody who reads for long.
    """

    def attempt() -> float:
        with database.switching() as connection:
            began = perf_counter()
            _switch(connection, registry, to, stale=stale)
            connection.commit()
            return perf_counter() - began

    return _persistently(attempt)


def _switch(connection: Connection, registry: Registry, to: Generation, *, stale: bool) -> None:
    states = states_of(connection, to.read_model)
    live = live_number(states)
    if states.get(to.number) not in {SHADOW, RETIRED} or live is None:
        raise RebuildRefused(f"{named(to)} is not written; rebuild it first")
    follows = registry.follows(to.read_model)
    if follows:
        # Both stay where they are: level, since whoever moves one moves the other.
        for number in sorted({live, to.number}):
            Checkpoint(registry.every[to.read_model, number]).hold(connection)
    if Checkpoint(to).stale_streams(connection) and not (follows and stale):
        raise RebuildRefused(
            f'{named(to)} could not take every event; "rollbook replay parked list" shows which, '
            '"… parked retry" takes them again'
        )
    if isinstance(to, Spare):
        exchange_tables(connection, to)
        exchange_parked(connection, to.read_model, to.number)
        set_state(connection, registry, to.read_model, to.number, RETIRED)
    else:
        set_state(connection, registry, to.read_model, live, RETIRED)
        set_state(connection, registry, to.read_model, to.number, READ)


def exchange_tables(connection: Connection, spare: Spare) -> None:
    """Give the tables of a spare the names of the declared ones, and those the spare's."""
    operations = Operations(MigrationContext.configure(connection))
    for table in spare.declared.metadata.sorted_tables:
        between = f"{table.name}{_BETWEEN}"
        operations.rename_table(table.name, between)
        operations.rename_table(spare.names.of(table.name), table.name)
        operations.rename_table(between, spare.names.of(table.name))


def drop(
    database: Database,
    registry: Registry,
    generation: Generation,
    *,
    progress: Progress = unwatched,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """End a generation that is not read: nobody writes it any more, then its tables go.

    Raises:
        RebuildRefused: it is the one that is read.
        Unavailable: the database is busy or gone; called again, it goes on.
    """

    def unwrite() -> str | None:
        with database.switching() as connection:
            state = states_of(connection, generation.read_model).get(generation.number)
            if state == READ:
                raise RebuildRefused(f"{named(generation)} is read; nothing else could be")
            if state is not None:
                set_state(connection, registry, generation.read_model, generation.number, DROPPED)
            connection.commit()
            return state

    if _persistently(unwrite) == RETIRED:
        pause(2 * CACHE_SECONDS)  # a reader may still hold it for the one to read (ADR 0008)
    _drop_tables(database, generation, progress)
    with database.writing_beside() as connection:
        Filling(generation).end(connection)
        Checkpoint(generation).unpark_all(connection)
        end_state(connection, registry, generation)
        connection.commit()


def _drop_tables(database: Database, generation: Generation, progress: Progress) -> None:
    with database.reading() as connection:
        present = set(inspect(connection).get_table_names())
    tables = [t for t in generation.metadata.sorted_tables if t.name in present]
    if database.backend.writers == 1:
        for table in tables:
            _empty(database, table, progress)

    def go() -> None:
        with database.switching() as connection:
            generation.metadata.drop_all(connection, tables=tables)
            connection.commit()

    _persistently(go)


def _empty(database: Database, table: Table, progress: Progress) -> None:
    """Delete a few rows at a time: to drop a full table takes the one right to write for long."""
    pace, done, key = Pace(database.backend.slice_seconds), 0, list(table.primary_key)
    courtesy, gone = Courtesy(database, time.sleep), 1
    while gone:
        with database.filling() as connection:
            began = perf_counter()
            some = select(*key).limit(pace.size)
            gone = connection.execute(delete(table).where(tuple_(*key).in_(some))).rowcount
            connection.commit()
            taken = perf_counter() - began
        pace.took(gone, taken)
        courtesy.give_way(taken)
        done += gone
        progress(Moment("dropping", done, done))


def _persistently(attempt: Callable[[], R]) -> R:
    """Try for some seconds, a moment apart: writers are let through in between."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except Unavailable:
            time.sleep(_PAUSE)
    return attempt()


def named(generation: Generation) -> str:
    """Return what operators call a generation."""
    spare = " (spare tables)" if generation.number < 0 else ""
    return f"{generation.read_model} generation {abs(generation.number)}{spare}"
