"""In-memory fakes of the ports of the domain.

The fake log keeps events and nothing else: heads, claims and members are derived from them when a
transaction begins, and compared again when it ends. A handler that forgets to release a claim or
to record a member therefore fails here without a database.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from domain.cause import Actor, Cause, Warned
from domain.events import Event, RecordedEvent, Stream
from domain.group import Group
from domain.ports import Head
from domain.realm import Realm
from domain.refusals import MassChange, NoSuchRealm, NoSuchResource
from domain.topics import AGGREGATE_OF
from domain.user import User
from tests.derived import Beside, beside

S = TypeVar("S")
DEPARTURES = {"User": ("user.deactivated", "user.deleted"), "Group": ("group.deleted",)}
STEPS = ("lock", "claims", "members", "append")


def cause_in(realm: str, *, operation: str = "test", correlation: int = 0) -> Cause:
    """Return the cause of a test in a realm."""
    return Cause(realm, Actor("client", "scim"), f"{correlation:032x}", operation)


@dataclass(frozen=True)
class Knows:
    """A client that knows one version: implements Precondition."""

    tag: str

    def holds(self, tag: str) -> bool:
        return tag == self.tag


class MemoryLog:
    """The log of a service in memory: implements domain.ports.Log."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent[Any]] = []
        self.credentials: dict[str, dict[str, Any]] = {}
        self._ids = 0
        self._time = 1_700_000_000_000_000

    def new_id(self) -> str:
        self._ids += 1
        return str(UUID(int=self._ids))

    def clock(self) -> int:
        self._time += 1
        return self._time

    def seed(self, realm: str, stream_id: str, *events: Event) -> None:
        """Record events as if a handler had."""
        cause = cause_in(realm)
        version = sum(1 for r in self.events if r.stream_id == stream_id)
        for number, event in enumerate(events, version + 1):
            self.events.append(RecordedEvent(UUID(stream_id), number, event, self.clock(), cause))
        beside(self.events)

    def user(self, realm: str, user_id: str) -> Stream[User]:
        return self._living(realm, user_id, "User")

    def group(self, realm: str, group_id: str) -> Stream[Group]:
        return self._living(realm, group_id, "Group")

    def realm(self, realm: str) -> Stream[Realm]:
        found = beside(self.events)
        if (realm, realm) not in found.heads:
            raise NoSuchRealm(realm)
        return self._stream(found, realm, realm)

    def stream(self, realm: str, id_: str) -> Stream[Any]:
        """Return a stream as it stands, also of what is deleted."""
        return self._stream(beside(self.events), realm, id_)

    def _living(self, realm: str, id_: str, kind: str) -> Stream[Any]:
        found = beside(self.events)
        head = found.heads.get((realm, id_))
        if head is None or head.type != kind or head.deleted:
            raise NoSuchResource(kind, id_)
        return self._stream(found, realm, id_)

    @staticmethod
    def _stream(found: Beside, realm: str, id_: str) -> Stream[Any]:
        head = found.heads[realm, id_]
        state = found.states[realm, id_]
        return Stream(UUID(id_), head.version, state, head.correlation_id, realm)

    @contextmanager
    def transaction(self, cause: Cause) -> Iterator["MemoryTransaction"]:
        work = MemoryTransaction(self, cause)
        yield work
        after = beside([*self.events, *work.pending])
        if work.pending:
            assert after.claims == work.now.claims, "claims differ from what the events say"
            assert after.members == {k: v for k, v in work.now.members.items() if v}
        else:
            assert work.now == work.before, "claims or members changed without an event"
        self.events += work.pending
        self.credentials |= work.new_credentials


class MemoryTransaction:
    """One write: implements domain.ports.Transaction, with its claims, members, credentials."""

    def __init__(self, log: MemoryLog, cause: Cause) -> None:
        self.log, self.cause = log, cause
        self.before, self.now = beside(log.events), beside(log.events)
        self.pending: list[RecordedEvent[Any]] = []
        self.new_credentials: dict[str, dict[str, Any]] = {}
        self.steps: list[str] = []
        self._locked: set[str] = set()
        self._at = log.clock()

    def _reach(self, step: str) -> None:
        assert not self.steps or STEPS.index(step) >= STEPS.index(self.steps[-1]), (
            f"{step} after {self.steps[-1]}"
        )
        self.steps.append(step)

    @property
    def claims(self) -> "MemoryClaims":
        self._reach("claims")
        return MemoryClaims(self.now, self.cause.realm)

    @property
    def members(self) -> "MemoryMemberships":
        self._reach("members")
        return MemoryMemberships(self)

    @property
    def credentials(self) -> "MemoryCredentials":
        return MemoryCredentials(self.new_credentials, self.log.credentials)

    @property
    def unique_group_names(self) -> bool:
        realm = self.now.states.get((self.cause.realm, self.cause.realm))
        return realm is None or bool(realm.unique_group_names)

    def lock(
        self, *, written: Iterable[str] = (), referred: Iterable[str] = ()
    ) -> Mapping[str, Head]:
        self._reach("lock")
        asked = {*written, *referred}
        self._locked |= asked
        heads = {id_: self.now.heads.get((self.cause.realm, id_)) for id_ in asked}
        return {id_: head for id_, head in heads.items() if head is not None}

    def groups_of(self, member_id: str) -> Sequence[str]:
        realm = self.cause.realm
        return sorted(
            g for (r, g), ids in self.now.members.items() if r == realm and member_id in ids
        )

    def depart(self, resource_type: str, resource_id: str, *, deleted: bool) -> None:
        """Count anew, from the events alone."""
        self._reach("claims")
        realm = self.now.states.get((self.cause.realm, self.cause.realm))
        guard = realm.guard if realm is not None else None
        if realm is None or guard is None or self._at < guard.lifted_until:
            return
        left = {
            r.stream_id: r.event.topic.endswith(".deleted")
            for r in self.log.events
            if r.cause.realm == self.cause.realm
            and r.recorded_at > self._at - guard.window
            and r.event.topic in DEPARTURES[resource_type]
            and r.stream_id != resource_id
        }
        living = sum(
            head.type == resource_type and not head.deleted
            for (of, _), head in self.now.heads.items()
            if of == self.cause.realm
        )
        total = living + sum(left.values())
        if guard.refuses(len(left) + 1, total):
            numbers = (resource_type, len(left), total)
            raise MassChange(*numbers, realm=realm.slug, limit=guard)

    def shares_external_id(
        self, resource_type: str, external_id: str, besides: str
    ) -> Callable[[], bool]:
        return lambda: any(
            state.document.get("externalId") == external_id and id_ != besides and not state.deleted
            for (realm, id_), state in self.now.states.items()
            if realm == self.cause.realm and type(state).__name__ == resource_type
        )

    def append(
        self,
        stream_id: str,
        stream_type: str,
        events: Sequence[Event],
        *,
        warnings: Sequence[Warned] = (),
        caused_by: str | None = None,
    ) -> None:
        self._reach("append")
        realm = self.cause.realm
        head = self.now.heads.get((realm, stream_id))
        assert head is None or stream_id in self._locked, "written, but not locked"
        cause = self.cause
        if caused_by is not None:
            cause = cause.following(caused_by, self.now.heads[realm, caused_by].version)
        version = head.version if head else 0
        for number, event in enumerate(events, version + 1):
            assert AGGREGATE_OF[event.topic] == stream_type
            self.pending.append(
                RecordedEvent(UUID(stream_id), number, event, self._at, cause, tuple(warnings))
            )
        if events:
            self.now.heads = beside([*self.log.events, *self.pending]).heads


@dataclass
class MemoryClaims:
    """Unique names of one realm."""

    now: Beside
    realm: str

    def release(self, kind: str, key: str) -> None:
        del self.now.claims[self.realm, kind, key]

    def take(self, kind: str, key: str, owner: str) -> str | None:
        holder = self.now.claims.setdefault((self.realm, kind, key), owner)
        return None if holder == owner else holder


@dataclass
class MemoryMemberships:
    """Members of the groups of one realm."""

    work: MemoryTransaction

    def _of(self, group_id: str) -> set[str]:
        return self.work.now.members.setdefault((self.work.cause.realm, group_id), set())

    def of_group(self, group_id: str) -> frozenset[str]:
        return frozenset(self._of(group_id))

    def add(self, group_id: str, members: Mapping[str, str]) -> Sequence[str]:
        new = members.keys() - self._of(group_id)
        self._of(group_id).update(new)
        return sorted(new)

    def remove(self, group_id: str, members: Iterable[str]) -> Sequence[str]:
        gone = self._of(group_id) & set(members)
        self._of(group_id).difference_update(gone)
        return sorted(gone)

    def join_all(self, groups: Iterable[str], member_id: str, member_type: str) -> Sequence[str]:
        return sorted(g for g in groups if self.add(g, {member_id: member_type}))

    def leave_all(self, member_id: str) -> None:
        for group_id in self.work.groups_of(member_id):
            self._of(group_id).discard(member_id)

    def disband(self, group_id: str) -> None:
        self._of(group_id).clear()


@dataclass
class MemoryCredentials:
    """Secrets and tokens by id; the fake keeps what it is given, to be looked at."""

    new: dict[str, dict[str, Any]]
    known: dict[str, dict[str, Any]]

    def add(self, **columns: Any) -> None:
        self.new[columns["credential_id"]] = {**columns, "revoked": False}

    def revoke(self, credential_id: str) -> None:
        self.new[credential_id] = {**self.known[credential_id], "revoked": True}
