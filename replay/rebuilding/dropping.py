"""The end of a generation that is not read."""

import time
from time import perf_counter

from sqlalchemy import Table, delete, inspect, select, tuple_

from projections.database import Database
from projections.fillings import Filling
from projections.followers.checkpoints import Checkpoint
from projections.generations import CACHE_SECONDS, DROPPED, READ, RETIRED, Generation
from projections.registry import Registry
from projections.states import end_state, set_state, states_of
from replay.rebuilding.pace import Pace
from replay.rebuilding.patience import Courtesy
from replay.rebuilding.progress import Progress, Reached, unwatched
from replay.rebuilding.refusals import RebuildRefused
from replay.rebuilding.switching import named, persistently


def drop(
    database: Database,
    registry: Registry,
    generation: Generation,
    *,
    progress: Progress = unwatched,
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

    if persistently(unwrite) == RETIRED:
        time.sleep(2 * CACHE_SECONDS)  # a reader may still hold it for the one to read (ADR 0008)
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

    persistently(go)


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
        progress(Reached("dropping", done, done))
