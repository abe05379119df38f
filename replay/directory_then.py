"""The whole directory as it stood at an instant, under a filter, in the order of ids (ADR 0020).

It is looked through piece by piece, each in a snapshot of its own: what the past was does not
change. A resource without an event since the cut is answered from the live read model; the events
of the others, up to the cut, are projected into a read model in memory, by the functions of live
writes, which is then asked in the same words.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Connection

from domain.schemas import GROUP, ResourceSchema
from projections.directory import DirectoryGeneration, Reference, Rendered, live_directory
from projections.log import SqlLog
from projections.past import StreamEnd, count_streams, events_at, streams_after
from projections.scratch import Scratch
from projections.spans import Span
from projections.spans.g1 import groups_of_each_at, members_at, memberships_at
from replay.moments import Moment

PAGE_BYTES = 4 * 1024 * 1024
"""A page ends early, after at least one resource, once it is about so many bytes long."""
PAGE_EFFORT = 10_000
"""A page ends early once so many resources and events were looked at for it."""
_REFERENCE_BYTES = 150
_PIECE, _PIECE_WITH_MEMBERS = 500, 20
_PIECE_EVENTS = 10_000
_USERS_AT_A_TIME = 50
Progress = Callable[[int, int], None]
"""Called with the resources looked at and all there ever were."""


class Then(NamedTuple):
    """A resource as it stood, with members, or groups where they were asked for."""

    row: Rendered
    references: Sequence[Reference]


class Page(NamedTuple):
    """Resources by id, and the id after which more may follow.

    There may be fewer than were asked for, or none: looking goes on after ``rest_after``.
    """

    resources: Sequence[Then]
    rest_after: str | None


class _Piece(NamedTuple):
    rows: Sequence[Rendered]
    last: str
    """The last id that was looked at."""
    whole: bool
    """Whether it is the last piece."""
    looked_at: int
    effort: int


@dataclass(frozen=True)
class DirectoryThen:
    """The users, or the groups, of a realm at an instant.

    ``derived``: with the groups of users and the names of members, as they were then.
    """

    log: SqlLog
    realm: str
    schema: ResourceSchema
    moment: Moment
    filter: str | None = None
    derived: bool = False

    def page(self, count: int, after: str = "") -> Page:
        """Return the first resources that match, or the first after an id.

        Raises:
            InvalidFilter: the filter is not acceptable.
            Unavailable: the database is busy or gone.
        """
        taken: list[Then] = []
        weight = effort = 0
        with closing(self._pieces(after, count)) as pieces:
            for piece in pieces:
                effort += piece.effort
                for then in self._with_references(piece.rows):
                    weight += len(then.row.document) + _REFERENCE_BYTES * len(then.references)
                    if len(taken) == count or (taken and weight > PAGE_BYTES):
                        return Page(taken, taken[-1].row.id)
                    taken.append(then)
                if piece.whole:
                    break
                if len(taken) == count or effort >= PAGE_EFFORT:
                    return Page(taken, piece.last)
        return Page(taken, None)

    def all(self, progress: Progress = lambda _done, _all: None) -> Iterator[Then]:
        """Return every resource that matches, as it is found. Raises as :meth:`page`, at once."""
        with self.log.database.reading() as connection:
            if self.filter is not None:
                directory = live_directory(self.log.registry, connection)
                directory.asks_memberships(self.schema, self.filter)
            total = count_streams(connection, self.realm, self.schema.name)
        return self._all(total, progress)

    def _all(self, total: int, progress: Progress) -> Iterator[Then]:
        done = 0
        with closing(self._pieces("", _PIECE)) as pieces:
            for piece in pieces:
                yield from self._with_references(piece.rows)
                done += piece.looked_at
                progress(done, max(done, total))

    def _pieces(self, after: str, size: int) -> Generator[_Piece]:
        """Yield piece after piece; where few match, they grow."""
        with ExitStack() as stack:
            look: _Look | None = None
            while True:
                with self.log.database.reading() as connection:
                    directory = live_directory(self.log.registry, connection)
                    if look is None or look.directory is not directory:
                        look = _Look(self, directory, stack)
                    size = min(size, look.most)
                    piece = look.at(connection, after, size)
                yield piece
                if piece.whole:
                    return
                after, size = piece.last, size * 2

    def _with_references(self, rows: Sequence[Rendered]) -> Iterator[Then]:
        """Yield resources with what others decide about them, a few at a time."""
        of_groups = self.schema is GROUP
        if not (of_groups or self.derived):
            yield from (Then(row, ()) for row in rows)
            return
        size = 1 if of_groups else _USERS_AT_A_TIME
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            ids = [row.id for row in some]
            with self.log.database.reading() as connection:
                if of_groups:
                    found = {ids[0]: self._members(connection, ids[0])}
                else:
                    found = dict(
                        groups_of_each_at(connection, self.realm, ids, self.moment.position)
                    )
            yield from (Then(row, self._references(row.id, found.get(row.id, ()))) for row in some)

    def _members(self, connection: Connection, group_id: str) -> Sequence[Span]:
        return members_at(connection, self.realm, group_id, self.moment.position)

    def _references(self, of: str, spans: Sequence[Span]) -> list[Reference]:
        return [
            Reference(of, span.id, span.type, span.display if self.derived else None)
            for span in spans
        ]


class _Look:
    """Looks at pieces; makes the read model in memory only where it needs one."""

    def __init__(
        self, question: DirectoryThen, directory: DirectoryGeneration, stack: ExitStack
    ) -> None:
        self.directory = directory
        self._question = question
        self._stack = stack
        schema, text = question.schema, question.filter
        self._memberships = text is not None and directory.asks_memberships(schema, text)
        self.most = _PIECE_WITH_MEMBERS if self._memberships and schema is GROUP else _PIECE
        self._made: Scratch | None = None

    def at(self, connection: Connection, after: str, size: int) -> _Piece:
        """Return what matches among the next resources, in the caller's snapshot."""
        asked = self._question
        standings = streams_after(connection, asked.realm, asked.schema.name, after, size)
        if not standings:
            return _Piece((), after, whole=True, looked_at=0, effort=0)
        some = self._affordable(standings)
        last = some[-1].id
        folded = [each for each in some if self._is_folded(each)]
        rows = self._folded(connection, folded, after, last) if folded else []
        if len(folded) < len(some):
            ids = {each.id for each in folded}
            live = self._matching(connection, after, last)
            rows = sorted([*rows, *(row for row in live if row.id not in ids)])
        return _Piece(
            rows,
            last,
            whole=len(some) == len(standings) < size,
            looked_at=len(some),
            effort=len(some) + sum(each.version for each in folded),
        )

    def _is_folded(self, stream: StreamEnd) -> bool:
        """Whether the live read model may say something else than what was then."""
        return self._memberships or stream.position > self._question.moment.position

    def _affordable(self, standings: Sequence[StreamEnd]) -> Sequence[StreamEnd]:
        """Return the first streams, as far as their events are few enough; one at least."""
        events = accumulate(each.version if self._is_folded(each) else 0 for each in standings)
        count = sum(each <= _PIECE_EVENTS for each in events)
        return standings[: max(count, 1)]

    def _folded(
        self, connection: Connection, streams: Sequence[StreamEnd], after: str, last: str
    ) -> list[Rendered]:
        asked, ids = self._question, [each.id for each in streams]
        of_groups = asked.schema is GROUP
        at = asked.moment.position
        events = events_at(connection, asked.log.events, ids, at, thin=of_groups)
        joined: Iterator[tuple[str, str, str]] = iter(())
        if self._memberships:
            joined = memberships_at(connection, asked.realm, ids, at, of_groups=of_groups)
        with self._scratch().filled(events, asked.realm, joined) as scratch:
            return list(self._matching(scratch, after, last))

    def _matching(self, connection: Connection, after: str, last: str) -> Sequence[Rendered]:
        asked = self._question
        return self.directory.matching(
            connection, asked.schema, asked.realm, asked.filter, after, last
        )

    def _scratch(self) -> Scratch:
        if self._made is None:
            self._made = Scratch(self.directory)
            self._stack.callback(self._made.close)
        return self._made
