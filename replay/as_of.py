"""What a resource was: in a version, or at an instant, rendered as it was answered then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from domain.instants import instant
from domain.refusals import Refusal
from domain.schemas import GROUP, ResourceSchema
from domain.topics import AGGREGATE_OF
from projections.directory import Reference, Rendered, live_directory
from projections.log import SqlLog
from projections.past import PastStream, stream_at, stream_in_version
from projections.spans import Span
from projections.spans.g1 import groups_at, members_at, members_at_version
from replay.moments import Moment


class NotThen(Refusal):
    """The resource did not exist at that instant, or never had that version."""


class Past(NamedTuple):
    """A resource as it stood, and the position of the last event that made it so."""

    row: Rendered
    references: Sequence[Reference]
    position: int


@dataclass(frozen=True)
class AsOf:
    """Questions about the past of one realm.

    Each raises :class:`NotThen` with the reason, and ``Unavailable`` when the database is busy.
    """

    log: SqlLog
    realm: str

    def resource_in_version(self, schema: ResourceSchema, id_: str, version: int) -> Past:
        """Return a resource in one of its versions, the number in its entity tag."""
        with self.log.database.reading() as connection:
            past = stream_in_version(connection, self.log.events, self.realm, id_, version)
            if past is None or not _is_of(past, schema):
                raise NotThen(f"{schema.name} {id_} has no version {version} in this realm")
            row = self._rendered(connection, schema, id_, past, f"in version {version}")
            members = (
                members_at_version(connection, self.realm, id_, version) if schema is GROUP else ()
            )
        references = [Reference(id_, member, kind, None) for member, kind in members]
        return Past(row, references, past.position)

    def resource_at(
        self, schema: ResourceSchema, id_: str, moment: Moment, *, derived: bool
    ) -> Past:
        """Return a resource at an instant; ``derived``: with names of others as they were then."""
        with self.log.database.reading() as connection:
            past = stream_at(connection, self.log.events, self.realm, id_, moment.position)
            if past is None or not _is_of(past, schema):
                raise self._not_yet(connection, schema, id_)
            row = self._rendered(connection, schema, id_, past, "at that instant")
            spans: Sequence[Span] = ()
            if schema is GROUP:
                spans = members_at(connection, self.realm, id_, moment.position)
            elif derived:
                spans = groups_at(connection, self.realm, id_, moment.position)
        references = [
            Reference(id_, span.id, span.type, span.display if derived else None) for span in spans
        ]
        return Past(row, references, past.position)

    def members_at(self, group_id: str, moment: Moment) -> Sequence[Span]:
        """Return who was a member of a group at an instant, ordered by id."""
        with self.log.database.reading() as connection:
            self._check_existed(connection, GROUP, group_id, moment)
            return members_at(connection, self.realm, group_id, moment.position)

    def groups_at(self, schema: ResourceSchema, id_: str, moment: Moment) -> Sequence[Span]:
        """Return which groups a resource was a direct member of at an instant, ordered by id."""
        with self.log.database.reading() as connection:
            self._check_existed(connection, schema, id_, moment)
            return groups_at(connection, self.realm, id_, moment.position)

    def _check_existed(
        self, connection: Connection, schema: ResourceSchema, id_: str, moment: Moment
    ) -> None:
        past = stream_at(connection, self.log.events, self.realm, id_, moment.position)
        if past is None or not _is_of(past, schema):
            raise self._not_yet(connection, schema, id_)
        self._rendered(connection, schema, id_, past, "at that instant")

    def _rendered(  # the parts of one answer
        self,
        connection: Connection,
        schema: ResourceSchema,
        id_: str,
        past: PastStream,
        when: str,
    ) -> Rendered:
        directory = live_directory(self.log.registry, connection)
        row = directory.folded(past.events)
        if row is None:
            last = past.events[-1]
            raise NotThen(
                f"{schema.name} {id_} did not exist {when}: it was deleted at "
                f"{instant(last.recorded_at)}"
            )
        return row

    def _not_yet(self, connection: Connection, schema: ResourceSchema, id_: str) -> NotThen:
        first = stream_in_version(connection, self.log.events, self.realm, id_, 1)
        if first is None or not _is_of(first, schema):
            return NotThen(f"{schema.name} {id_} never existed in this realm")
        created = instant(first.events[0].recorded_at)
        return NotThen(
            f"{schema.name} {id_} did not exist at that instant: it was created at {created}"
        )


def _is_of(past: PastStream, schema: ResourceSchema) -> bool:
    return AGGREGATE_OF[past.events[-1].event.topic] == schema.name
