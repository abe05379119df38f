"""A rebuild from its beginning to the switch; whatever stops it, it goes on from there."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from projections.followers.checkpoints import Checkpoint, Parked
from projections.generations import DROPPED, FILLING, READ, SHADOW, Generation
from projections.log import SqlLog
from projections.processes import list_unaware
from projections.registry import Registry
from projections.states import live_number, states_of
from replay.rebuilding.comparing import Comparison, compare_tables
from replay.rebuilding.documents import compare_documents, renders
from replay.rebuilding.dropping import drop
from replay.rebuilding.filling import Filler
from replay.rebuilding.progress import Progress, unwatched
from replay.rebuilding.refusals import ProcessesUnaware, RebuildRefused
from replay.rebuilding.switching import named, switch, working_on

LISTED = 20
"""How many differences are kept unless more are asked for."""
_ASK_AGAIN = 1.0


class Outcome(NamedTuple):
    """How a rebuild ended."""

    read_model: str
    generation: int
    """Of the tables that were built; negative where they are the spare ones of that number."""
    state: str
    """``filling``: other realms are left; ``shadow``: it was not switched to; ``live``."""
    comparison: Comparison | None = None
    parked: Sequence[Parked] = ()
    held_writers: float = 0.0
    """Seconds for which the switch held writers."""


@dataclass(frozen=True)
class Wishes:
    """What an operator wants of a rebuild."""

    realm: str | None = None
    """Fill this realm alone, by its id; switch only where no other is left."""
    accept_differences: bool = False
    full: bool = False
    """Compare every rendered document, not a sample."""
    listed: int = LISTED
    wait: bool = False
    """Wait for processes that do not know the generation, instead of giving up."""


@dataclass(frozen=True)
class Rebuild:
    """Rebuilds one read model of a database."""

    log: SqlLog
    read_model: str
    wishes: Wishes = Wishes()
    progress: Progress = unwatched
    say: Callable[[str], object] = lambda _: None
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Outcome:
        """Fill, verify, switch; what was done before is not done again.

        Raises:
            RebuildRefused: it cannot go on now; the message says why.
            Stopped: it was told to stop.
            Unavailable: the database is busy or gone.
        """
        registry = self.log.registry
        live, target = self._generations()
        with working_on(self.log.database, self.read_model, target) as hold:
            live, target = self._generations()
            self._clear(target)
            if self._state(target) != SHADOW:
                filler = Filler(self.log, target, live, hold, self.progress, self.stopped)
                filler.begin()
                if not filler.fill(self.wishes.realm):
                    return Outcome(self.read_model, target.number, FILLING)
                self._await_processes(target)
                filler.finish()
            comparison = self._compared(live, target)
            parked = self._parked(target)
            outcome = Outcome(self.read_model, target.number, SHADOW, comparison, parked)
            accepted = self.wishes.accept_differences
            if (comparison.total and not accepted) or (
                parked and not (accepted and registry.follows(self.read_model))
            ):
                return outcome
            held = switch(self.log.database, registry, target, stale=accepted)
            return outcome._replace(state=READ, held_writers=held)

    def _generations(self) -> tuple[Generation, Generation]:
        """Return the generation that is read, and the one to build."""
        with self.log.database.reading() as connection:
            number = live_number(states_of(connection, self.read_model))
        return chosen(self.log.registry, self.read_model, number)

    def _state(self, generation: Generation) -> str | None:
        with self.log.database.reading() as connection:
            return states_of(connection, self.read_model).get(generation.number)

    def _clear(self, target: Generation) -> None:
        """Drop what is neither read nor being built: there is one way back at a time."""
        registry = self.log.registry
        with self.log.database.reading() as connection:
            states = states_of(connection, self.read_model)
        for number, state in states.items():
            building = number == target.number and state in {FILLING, SHADOW}
            if state == READ or building:
                continue
            if (self.read_model, number) not in registry.every:
                raise RebuildRefused(
                    f"{self.read_model} has a generation {number} ({state}), which this release "
                    "does not know; drop it with a release that does"
                )
            old = registry.every[self.read_model, number]
            if state != DROPPED:
                self.say(f"{named(old)} ({state}) is dropped first")
            drop(self.log.database, registry, old, progress=self.progress)

    def _await_processes(self, target: Generation) -> None:
        while unaware := list_unaware(self.log.database, self.read_model, target.number):
            names = ", ".join(process.name for process in unaware)
            if not self.wishes.wait:
                raise ProcessesUnaware(
                    f"{names} does not know {named(target)} and could not write any more; "
                    "restart it with this release, then run the rebuild again: it goes on"
                )
            self.say(f"waiting for {names}, which does not know {named(target)}")
            if self.stopped.wait(_ASK_AGAIN):
                raise RebuildRefused("stopped while waiting; run it again: it goes on")

    def _compared(self, live: Generation, target: Generation) -> Comparison:
        with self.log.database.verifying() as connection:
            limit = self.wishes.listed
            found = compare_tables(connection, live, target, limit=limit, progress=self.progress)
            if renders(target):
                for difference in compare_documents(
                    connection, live, target, full=self.wishes.full, progress=self.progress
                ):
                    found.documents += 1
                    if difference is not None:
                        found.note(difference, limit)
        return found

    def _parked(self, target: Generation) -> Sequence[Parked]:
        with self.log.database.reading() as connection:
            return Checkpoint(target).parked(connection)


def chosen(registry: Registry, read_model: str, live: int | None) -> tuple[Generation, Generation]:
    """Return the generation that is read, and the next one: what a rebuild fills.

    That is the newest declaration where a newer one is known, else the spare of the one that is
    read.

    Raises:
        RebuildRefused: there is no such read model, or it is newer than this release.
    """
    if read_model not in registry.read_models:
        known = ", ".join(registry.read_models)
        raise RebuildRefused(f'there is no read model "{read_model}"; there are {known}')
    if live is None or (read_model, live) not in registry.every:
        raise RebuildRefused(
            f"{read_model} is read in generation {live}, which this release does not know"
        )
    newest = registry.newest(read_model)
    to = newest.number if newest.number > live else -live
    return registry.every[read_model, live], registry.every[read_model, to]
