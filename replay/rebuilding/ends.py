"""The way back after a switch, and the end of what is not read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from projections.database import Database
from projections.generations import READ, RETIRED, Generation
from projections.registry import Registry
from projections.states import live_number, states_of
from replay.rebuilding.dropping import drop
from replay.rebuilding.progress import Progress, unwatched
from replay.rebuilding.rebuild import chosen
from replay.rebuilding.refusals import RebuildRefused
from replay.rebuilding.switching import switch, working_on


def switch_back(database: Database, registry: Registry, read_model: str) -> Generation:
    """Have the retired generation of a read model be read again; return it.

    Raises:
        RebuildRefused: there is none, or events are parked for it.
    """
    with _states(database, registry, read_model) as states:
        retired = [number for number, state in states.items() if state == RETIRED]
        if not retired:
            raise RebuildRefused(
                f"{read_model} has no retired generation: nothing was switched, or it was dropped"
            )
        back = _known(registry, read_model, retired[0])
        switch(database, registry, back)
        return back


def drop_others(
    database: Database, registry: Registry, read_model: str, progress: Progress = unwatched
) -> Sequence[Generation]:
    """Drop every generation of a read model that is not read; return them.

    Raises:
        RebuildRefused: somebody is at work on it.
    """
    with _states(database, registry, read_model) as states:
        others = [
            _known(registry, read_model, number)
            for number, state in states.items()
            if state != READ
        ]
        for generation in others:
            drop(database, registry, generation, progress=progress)
        return others


@contextmanager
def _states(database: Database, registry: Registry, read_model: str) -> Iterator[dict[int, str]]:
    """Give the states of a read model's generations while nobody else changes them."""
    with database.reading() as connection:
        live = live_number(states_of(connection, read_model))
    _, target = chosen(registry, read_model, live)
    with working_on(database, read_model, target):
        with database.reading() as connection:
            states = states_of(connection, read_model)
        yield states


def _known(registry: Registry, read_model: str, number: int) -> Generation:
    if (read_model, number) not in registry.every:
        raise RebuildRefused(
            f"this release does not know generation {number} of {read_model}; use one that does"
        )
    return registry.every[read_model, number]
