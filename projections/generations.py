"""Read models and their generations (ADR 0008, ADR 0021).

A generation is an immutable declaration: tables, a function that writes them from events, queries
that read them. Which ones are written and which one is read stands in durable tables
(:mod:`projections.states`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, MetaData

from domain.events import RecordedEvent
from domain.refusals import Unavailable

FILLING, SHADOW, READ, RETIRED, DROPPED = "filling", "shadow", "live", "retired", "dropped"
"""A generation is filled from the log; then written with every change, and not read; then read;
then written only, as the way back; then its tables are gone."""
WRITTEN = (SHADOW, READ, RETIRED)
CACHE_SECONDS = 1.0
"""How long a reader may go on with a generation that has just been retired: it is still right."""


class Positioned(NamedTuple):
    """A recorded event and its position in the log."""

    position: int
    recorded: RecordedEvent[Any]


class Generation(Protocol):
    """One shape of a read model."""

    read_model: str
    number: int

    @property
    def metadata(self) -> MetaData:
        """Its tables."""
        ...

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Write what the events say; used by live writes and by rebuilds alike.

        The events of a stream come in their order, once each; between streams there is no order
        (ADR 0021).
        """
        ...


class Written(NamedTuple):
    """A generation that a write has to project into, and its state."""

    generation: Generation
    state: str


def unknown(read_model: str, number: int) -> Unavailable:
    """Return what is said of a generation of another release."""
    return Unavailable(
        f"read model {read_model} is written in generation {number}, which this release does not "
        "know; restart this process with the current release"
    )
