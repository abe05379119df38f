"""Read models and their generations (ADR 0008).

A generation is an immutable declaration: tables, a function that writes them from events, queries
that read them. Which ones are written and which one is read stands in one durable table.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, MetaData, or_, select

from domain.events import RecordedEvent
from domain.refusals import Unavailable
from projections.prepared import Prepared
from projections.tables import generations

WRITTEN = ("shadow", "live", "retired")
READ = "live"
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
    metadata: MetaData

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Write what the events say; used by live writes and by rebuilds alike."""
        ...


class Registry:
    """The generations this code knows."""

    def __init__(self, known: Sequence[Generation], followed: Sequence[Generation] = ()) -> None:
        """Take the generations written inline, and those that follow the log."""
        self.known: Mapping[tuple[str, int], Generation] = {
            (generation.read_model, generation.number): generation for generation in known
        }
        self.followed = followed
        self._lock = Lock()
        self._live: tuple[float, dict[str, Generation]] = (0.0, {})

    def written(self, connection: Connection) -> list[Generation]:
        """Return the generations a write must project into. Raises as :meth:`asked`."""
        return self.asked(connection)()

    def asked(self, connection: Connection) -> Callable[[], list[Generation]]:
        """Ask which generations a write must project into; return what gives them when needed.

        The answer raises:
            Unavailable: one is unknown here: another release is at work, this process may only read
        """
        answer = _WRITTEN.later(connection)

        def written() -> list[Generation]:
            found = []
            for read_model, number in answer():
                if (read_model, number) not in self.known:
                    raise Unavailable(
                        f"read model {read_model} is written in generation {number}, which this "
                        "release does not know; restart this process with the current release"
                    )
                found.append(self.known[read_model, number])
            return found

        return written

    def live(self, connection: Connection, read_model: str) -> Generation:
        """Return the generation to read, at most :data:`CACHE_SECONDS` old."""
        read_at, found = self._live
        if monotonic() - read_at > CACHE_SECONDS:
            found = {
                name: self.known[name, number]
                for name, number in _LIVE.rows(connection)
                if (name, number) in self.known
            }
            with self._lock:
                self._live = (monotonic(), found)
        if read_model not in found:
            raise Unavailable(f"read model {read_model} has no live generation this release knows")
        return found[read_model]


_NAMED = select(generations.c.read_model, generations.c.generation)
_IS_WRITTEN = or_(*(generations.c.state == state for state in WRITTEN))
_WRITTEN = Prepared(_NAMED.where(_IS_WRITTEN))
_LIVE = Prepared(_NAMED.where(generations.c.state == READ))
