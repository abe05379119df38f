"""Undo: a deleted resource comes back under its old id, a living one says again what it said.

Everything is read from the past here and recorded as new events by ``domain.handlers``: the history
of the resource goes on, nothing in it is taken back.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.cause import Cause
from domain.commands import RestoreGroup, RestoreUser, RevertGroup, RevertUser
from domain.document import Document
from domain.events import Stream
from domain.handlers.groups import revert_group
from domain.handlers.restoring import restore_group, restore_user
from domain.handlers.users import revert_user
from domain.patching import MemberDelta
from domain.ports import Precondition, Written
from domain.refusals import InvalidValue, NoSuchResource, NotDeleted
from domain.schemas import GROUP, USER, ResourceSchema
from domain.topics import AGGREGATE_OF
from projections.log import SqlLog, fold_group, fold_user
from projections.past import stream_at
from projections.spans.g1 import groups_at, members_at, members_at_version
from replay.as_of import AsOf
from replay.moments import Moment

_NOW = 2**63 - 1
"""A position behind every event there will be."""
_FOLD = {USER.name: fold_user, GROUP.name: fold_group}


class _Seen(NamedTuple):
    """A resource as its stream leaves it now."""

    stream: Stream[Any]
    created_at: int
    position: int
    """Of the last event; of a deleted resource that is its deletion."""


class _Then(NamedTuple):
    """What a resource said, and what it belonged to."""

    document: Document
    members: Sequence[str]
    groups: Sequence[str]


def restore(  # noqa: PLR0913  # the parts of one wish
    log: SqlLog,
    schema: ResourceSchema,
    cause: Cause,
    resource_id: str,
    *,
    to: Moment | None = None,
    members: bool = False,
    precondition: Precondition | None = None,
) -> Written:
    """Bring a resource back, as it was when it was deleted or as it was at an instant.

    A deleted one gets back its memberships, as far as the others still exist. A living one gets
    back its attributes as they were ``to`` an instant; a group its members too, with ``members``.

    Raises:
        NoSuchResource: the realm never had it.
        NotDeleted: it is there, and no instant is named.
        NotThen: it did not exist at the instant.
        NameTaken: its name belongs to another resource by now.
        InvalidValue: ``members`` of a user.
        VersionMismatch, Unavailable
    """
    if members and schema is not GROUP:
        raise InvalidValue("members are a group's: a user has none to put back")
    wish = _Wish(log, schema, cause, resource_id, to, members, precondition)
    return log.repeated(wish.fulfil)


class _Wish(NamedTuple):
    log: SqlLog
    schema: ResourceSchema
    cause: Cause
    id: str
    to: Moment | None
    members: bool
    precondition: Precondition | None

    def fulfil(self) -> Written:
        """Look, decide and record, once."""
        seen = self._seen()
        if self.to is None and not seen.stream.state.deleted:
            raise NotDeleted(self.schema.name)
        then = self._at_deletion(seen) if self.to is None else self._at(self.to)
        if seen.stream.state.deleted:
            return self._restore(seen, then)
        return self._revert(then)

    def _seen(self) -> _Seen:
        with self.log.database.reading() as connection:
            past = stream_at(connection, self.log.events, self.cause.realm, self.id, _NOW)
        if past is None or AGGREGATE_OF[past.events[-1].event.topic] != self.schema.name:
            raise NoSuchResource(self.schema.name, self.id)
        stream: Stream[Any] = _FOLD[self.schema.name](None, past.events)
        return _Seen(stream, past.events[0].recorded_at, past.position)

    def _at_deletion(self, seen: _Seen) -> _Then:
        # The deletion stands before the events that ended its memberships in other groups.
        realm, last = self.cause.realm, seen.stream.version - 1
        with self.log.database.reading() as connection:
            groups = groups_at(connection, realm, self.id, seen.position)
            members = members_at_version(connection, realm, self.id, last)
        return _Then(seen.stream.state.document, _ids(members), _ids(groups))

    def _at(self, moment: Moment) -> _Then:
        realm = self.cause.realm
        AsOf(self.log, realm).resource_at(self.schema, self.id, moment, derived=False)
        with self.log.database.reading() as connection:
            document = self._document(connection, moment)
            groups = groups_at(connection, realm, self.id, moment.position)
            members = members_at(connection, realm, self.id, moment.position)
        return _Then(document, _ids(members), _ids(groups))

    def _document(self, connection: Connection, moment: Moment) -> Document:
        past = stream_at(connection, self.log.events, self.cause.realm, self.id, moment.position)
        if past is None:  # the instant is before the creation; who asked has been told
            raise NoSuchResource(self.schema.name, self.id)
        stream: Stream[Any] = _FOLD[self.schema.name](None, past.events)
        document: Document = stream.state.document
        return document

    def _restore(self, seen: _Seen, then: _Then) -> Written:
        said = (self.cause, seen.stream, then.document, seen.created_at)
        if self.schema is USER:
            return restore_user(RestoreUser(*said, then.groups, self.precondition), self.log)
        command = RestoreGroup(*said, then.members, then.groups, self.precondition)
        return restore_group(command, self.log)

    def _revert(self, then: _Then) -> Written:
        if self.schema is USER:
            command = RevertUser(self.cause, self.id, then.document, precondition=self.precondition)
            return revert_user(command, self.log)
        wanted = MemberDelta.replacing(then.members) if self.members else MemberDelta()
        return revert_group(
            RevertGroup(self.cause, self.id, then.document, wanted, precondition=self.precondition),
            self.log,
        )


def _ids(found: Sequence[tuple[Any, ...]]) -> Sequence[str]:
    return [str(each[0]) for each in found]
