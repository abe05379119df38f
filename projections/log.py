"""The log of a service as handlers see it: implements :class:`domain.ports.Log`."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import uuid_utils
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import RecordConflictError
from sqlalchemy import bindparam, select

from domain.cause import Cause
from domain.events import Stream
from domain.group import Group
from domain.ports import Clock
from domain.realm import Realm
from domain.refusals import NoSuchRealm, NoSuchResource, Unavailable, VersionConflict
from domain.user import User
from projections.credentials import HashKey
from projections.database import Database
from projections.event_store import EventLog, OtherKind, folding
from projections.kept_streams import KeptStreams
from projections.prepared import Prepared
from projections.registry import Registry
from projections.snapshots.g1 import SnapshotsG1
from projections.tables import streams
from projections.transaction import NEWEST, Last, SqlTransaction

ATTEMPTS = 10
"""How often a command is decided anew when others write the same stream."""
_PAUSE = 0.005
R = TypeVar("R")

fold_user = folding("User", User.evolve)
fold_group = folding("Group", Group.evolve)
fold_realm = folding("Realm", Realm.evolve)


_NOBODY = UUID(int=0)


def _key(text: str) -> UUID | None:
    """Return the key of a stream, ``None`` for what cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        return None


_GROUP_HEAD = select(streams.c.version, streams.c.correlation_id).where(
    streams.c.realm == bindparam("realm"),
    streams.c.id == bindparam("id"),
    streams.c.type == "Group",
    streams.c.deleted.is_(False),
)


_NEWEST = Prepared(NEWEST)


def system_clock() -> int:
    """Return microseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000


class SqlLog:
    """The log on a database."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        key: HashKey,
        clock: Clock = system_clock,
        snapshots: SnapshotsG1 | None = None,
    ) -> None:
        self.database = database
        self.registry = registry
        self.key = key
        self.clock = clock
        self.events = EventLog(database)
        self.last: Last | None = None
        """Called in each transaction, right before its commit."""
        begun = None if snapshots is None else partial(snapshots.begun, database)
        self.users: KeptStreams[User] = KeptStreams(self.events, fold_user, begun=begun)

    def has_happened(self, at: int) -> bool:
        """Whether an instant is past, by the clock or, where that was set back, by the log.

        Raises:
            Unavailable: the database is busy or gone.
        """
        if at <= self.clock():
            return True
        with self.database.reading() as connection:
            newest = _NEWEST.first(connection)
        return newest is not None and at <= (newest[0] or 0)

    def new_id(self) -> str:
        """Return a new UUIDv7 as text: ids sort by age."""
        return str(uuid_utils.uuid7())

    def user(self, realm: str, user_id: str) -> Stream[User]:
        """Return a user. Raises :class:`NoSuchResource` unless the realm has it, undeleted."""
        stream: Stream[User] | None = None
        with suppress(OtherKind):
            stream = self.users.get(_key(user_id) or _NOBODY)
        if stream is None or stream.realm != realm or stream.state.deleted:
            raise NoSuchResource("User", user_id)
        return stream

    def group(self, realm: str, group_id: str) -> Stream[Group]:
        """Return a group without members; its version counts their events too."""
        with self.database.reading() as connection:
            head = connection.execute(_GROUP_HEAD, {"realm": realm, "id": group_id}).first()
        if head is None:
            raise NoSuchResource("Group", group_id)
        own: Stream[Group] = self.events.thin.get(
            UUID(group_id), version=head.version, projector_func=fold_group
        )
        return replace(own, version=head.version, correlation_id=head.correlation_id)

    def realm(self, realm: str) -> Stream[Realm]:
        """Return a realm by id. Raises :class:`NoSuchRealm`."""
        try:
            stream: Stream[Realm] = self.events.repository.get(
                UUID(realm), projector_func=fold_realm
            )
        except AggregateNotFoundError:
            raise NoSuchRealm(realm) from None
        return stream

    @contextmanager
    def transaction(self, cause: Cause) -> Iterator[SqlTransaction]:
        """Begin a write; it commits when the block ends and leaves nothing when it raises."""
        with self.database.writing() as connection:
            work = SqlTransaction(
                connection,
                cause,
                log=self.events,
                registry=self.registry,
                key=self.key,
                clock=self.clock,
                last=self.last,
            )
            yield work
            try:
                work.commit()
            except RecordConflictError as error:
                raise VersionConflict(str(error)) from error

    def handle(
        self, handler: Callable[[Any, "SqlLog"], R], command: Any, last: Last | None = None
    ) -> R:
        """Run a handler; decide again, after a short random pause, when others wrote meanwhile.

        ``last`` is called in each transaction, right before its commit.

        With an If-Match the second decision finds the new version and refuses (ADR 0004).

        Raises:
            Unavailable: the stream is written so often that no attempt got through.
        """
        log = self
        if last is not None:
            log = copy(self)
            log.last = last
        return self.repeated(lambda: handler(command, log))

    def repeated(self, write: Callable[[], R]) -> R:
        """Run a write; again, after a short random pause, when others got in the way of it.

        Raises:
            Unavailable: no attempt got through.
        """
        for attempt in range(ATTEMPTS):
            try:
                return write()
            except VersionConflict:
                self.database.may_take_long()
                time.sleep(random.uniform(0, _PAUSE * 2 ** min(attempt, 6)))  # noqa: S311  # not a secret
        raise Unavailable("the resource is being written by many at once; try again in a moment")
