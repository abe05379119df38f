"""Read models and their generations (ADR 0008, ADR 0021).

A generation is an immutable declaration: tables, a function that writes them from events, queries
that read them. Which ones are written and which one is read stands in durable tables
(:mod:`projections.states`).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, MetaData, Table, or_, select

from domain.events import RecordedEvent
from domain.refusals import Unavailable
from projections.naming import TableNames, speaking_of
from projections.prepared import Prepared
from projections.tables import generations

FILLING, SHADOW, READ, RETIRED, DROPPED = "filling", "shadow", "live", "retired", "dropped"
"""A generation is filled from the log; then written with every change, and not read; then read;
then written only, as the way back; then its tables are gone."""
WRITTEN = (SHADOW, READ, RETIRED)
CACHE_SECONDS = 1.0
"""How long a reader may go on with a generation that has just been retired: it is still right."""
SPARE_SUFFIX = "_spare"


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


class Spare:
    """A second set of tables of a declaration, in which it is built anew beside the first.

    It is a generation of its own, whose number is the declared one's, negated: whoever does not
    know of spares finds a written generation it does not know, and refuses to write (ADR 0021).
    """

    def __init__(self, declared: Generation) -> None:
        self.declared = declared
        self.read_model = declared.read_model
        self.number = -declared.number

    @cached_property
    def names(self) -> TableNames:
        """What the tables are called."""
        return TableNames(self.declared.metadata.tables, SPARE_SUFFIX)

    @cached_property
    def metadata(self) -> MetaData:
        """The tables, as statements name them."""
        return self.tables("")

    def tables(self, build: str) -> MetaData:
        """Return the tables; ``build`` goes into the names of their keys and indexes.

        Those stay with a table when it changes its name, so that each build needs its own.
        """
        metadata = MetaData()
        for table in self.declared.metadata.sorted_tables:
            copy = table.to_metadata(metadata, name=self.names.of(table.name))
            keys: list[Any] = [*copy.indexes, *copy.constraints]
            for named in keys:
                if named.name is not None:
                    named.name = f"{named.name}_{build}"
        return metadata

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Write what the events say, with the functions of the declaration."""
        with speaking_of(connection, self.names):
            self.declared.project(connection, events)


def speaking(connection: Connection, generation: Generation) -> AbstractContextManager[None]:
    """Have the queries of a declaration, inside the block, be about a generation of it."""
    return speaking_of(connection, generation.names if isinstance(generation, Spare) else None)


def declaration_of(generation: Generation) -> Generation:
    """Return what a generation was declared as: itself, unless it is a spare."""
    return generation.declared if isinstance(generation, Spare) else generation


def table_pairs(old: Generation, new: Generation) -> Sequence[tuple[Table, Table]]:
    """Return the tables of two generations that hold the same, by their names without a number."""
    tables = {_plain(table.name, new): table for table in new.metadata.sorted_tables}
    return [
        (table, tables[plain])
        for table in old.metadata.sorted_tables
        if (plain := _plain(table.name, old)) in tables
    ]


def _plain(name: str, generation: Generation) -> str:
    return name.removesuffix(SPARE_SUFFIX).removesuffix(f"_g{abs(generation.number)}")


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


class Registry:
    """The generations this code knows, each declaration with its spare."""

    def __init__(self, known: Sequence[Generation], followed: Sequence[Generation] = ()) -> None:
        """Take the generations written inline, and those that follow the log."""
        self.declared = (*known, *followed)
        self.followed = tuple(followed)
        self.known: Mapping[tuple[str, int], Generation] = {
            (each.read_model, each.number): each for each in known
        }
        self._inline = _with_spares(known)
        self.every: Mapping[tuple[str, int], Generation] = {
            **self._inline,
            **_with_spares(followed),
        }
        self._lock = Lock()
        self._live: tuple[float, dict[str, int]] = (0.0, {})

    @property
    def read_models(self) -> Sequence[str]:
        """The names of all read models, in the order of their declaration."""
        return tuple(dict.fromkeys(each.read_model for each in self.declared))

    def follows(self, read_model: str) -> bool:
        """Whether a read model is built behind the log."""
        return any(each.read_model == read_model for each in self.followed)

    def newest(self, read_model: str) -> Generation:
        """Return the newest declaration of a read model."""
        own = (each for each in self.declared if each.read_model == read_model)
        return max(own, key=lambda each: each.number)

    def written(self, connection: Connection) -> list[Written]:
        """Return the generations a write must project into. Raises as :meth:`asked`."""
        return self.asked(connection)()

    def asked(self, connection: Connection) -> Callable[[], list[Written]]:
        """Ask which generations a write must project into; return what gives them when needed.

        The answer raises:
            Unavailable: one is unknown here: another release is at work, this process may only read
        """
        answer = _WRITTEN.later(connection)

        def written() -> list[Written]:
            found = []
            for read_model, number, state in answer():
                if (read_model, number) not in self._inline:
                    raise unknown(read_model, number)
                found.append(Written(self._inline[read_model, number], state))
            return found

        return written

    def live(self, connection: Connection, read_model: str) -> Generation:
        """Return the generation to read, at most :data:`CACHE_SECONDS` old.

        Raises:
            Unavailable: there is none, or it is unknown here.
        """
        read_at, numbers = self._live
        if monotonic() - read_at > CACHE_SECONDS:
            numbers = dict(map(tuple, _LIVE.rows(connection)))
            with self._lock:
                self._live = (monotonic(), numbers)
        if read_model not in numbers:
            raise Unavailable(f"read model {read_model} has no live generation")
        found = self.known.get((read_model, numbers[read_model]))
        if found is None:
            raise unknown(read_model, numbers[read_model])
        return found


def _with_spares(declared: Sequence[Generation]) -> Mapping[tuple[str, int], Generation]:
    both = [each for own in declared for each in (own, Spare(own))]
    return {(each.read_model, each.number): each for each in both}


_NAMED = select(generations.c.read_model, generations.c.generation)
_IS_WRITTEN = or_(*(generations.c.state == state for state in WRITTEN))
_WRITTEN = Prepared(_NAMED.add_columns(generations.c.state).where(_IS_WRITTEN))
_LIVE = Prepared(_NAMED.where(generations.c.state == READ))
