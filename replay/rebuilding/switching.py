"""Which generation is read: the switch, and who may work on it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from domain.refusals import Unavailable
from projections.database import Database
from projections.engines.backend import Hold
from projections.fillings import Filling
from projections.followers.checkpoints import Checkpoint, exchange_parked
from projections.generations import READ, RETIRED, SHADOW, Generation
from projections.registry import Registry
from projections.spares import Spare
from projections.states import live_number, set_state, states_of
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

    return persistently(attempt)


def _switch(connection: Connection, registry: Registry, to: Generation, *, stale: bool) -> None:
    states = states_of(connection, to.read_model)
    live = live_number(states)
    if states.get(to.number) not in {SHADOW, RETIRED} or live is None:
        raise RebuildRefused(f"{named(to)} is not written; rebuild it first")
    follows = registry.follows(to.read_model)
    if follows:
        # Both stay where they are: level, since whoever moves one moves the other.
        for number in (live, to.number):  # in the order in which a batch holds them
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


def persistently(attempt: Callable[[], R]) -> R:
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
