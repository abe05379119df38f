"""What a release would build anew: read models of which it knows a newer generation (ADR 0021)."""

from collections.abc import Sequence
from typing import NamedTuple

from projections.database import Database
from projections.registry import Registry
from projections.states import live_number, states_of


class Pending(NamedTuple):
    """A read model that is read in one generation while this release knows a newer one."""

    read_model: str
    live: int
    newest: int


def pending_rebuilds(database: Database, registry: Registry) -> Sequence[Pending]:
    """Return the read models whose newest declaration is not the one that is read.

    Raises:
        Unavailable: the database is busy or gone.
    """
    found = []
    with database.reading() as connection:
        for read_model in registry.read_models:
            live = live_number(states_of(connection, read_model))
            newest = registry.newest(read_model).number
            if live is not None and newest > live:
                found.append(Pending(read_model, live, newest))
    return found
