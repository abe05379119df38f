"""What handlers need from the outside, as protocols; ``projections`` implements them.

The order of the calls on a :class:`Transaction` is part of the design (ADR 0003): lock, check the
version, claims, members, append. Handlers keep it; the implementation refuses any other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.cause import Cause, Warned
from domain.credentials import CredentialKind
from domain.events import Event, Stream, entity_tag
from domain.group import Group
from domain.realm import Realm
from domain.user import User

Clock = Callable[[], int]
"""Returns microseconds since 1970 (UTC)."""


class Precondition(Protocol):
    """What a client says about the version it knows (RFC 7644 §3.14)."""

    def holds(self, tag: str) -> bool:
        """Whether a resource with this entity tag may be written."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """The newest version of a stream, as its locked head row says."""

    id: str
    type: str
    version: int
    deleted: bool
    recorded_at: int
    correlation_id: str

    @property
    def entity_tag(self) -> str:
        """The entity tag of this version."""
        return entity_tag(self.version, self.correlation_id)


class Claims(Protocol):
    """Names that are unique in the realm; the database keeps them so."""

    def release(self, kind: str, key: str) -> None:
        """Give a name up."""
        ...

    def take(self, kind: str, key: str, owner: str) -> str | None:
        """Take a name; return the owner that has it already, or ``None`` when it was free.

        Raises:
            VersionConflict: its owner has given it up since it was found taken; decide again.
        """
        ...


class Memberships(Protocol):
    """Who is a member of what, now."""

    def of_group(self, group_id: str) -> frozenset[str]:
        """Return the members of a group."""
        ...

    def add(self, group_id: str, members: Mapping[str, str]) -> Sequence[str]:
        """Add members (id to resource type); return those that were none before, sorted."""
        ...

    def remove(self, group_id: str, members: Iterable[str]) -> Sequence[str]:
        """Remove members; return those that were, sorted."""
        ...

    def join_all(self, groups: Iterable[str], member_id: str, member_type: str) -> Sequence[str]:
        """Add a resource to groups, in one statement; return those it was not in, sorted."""
        ...

    def leave_all(self, member_id: str) -> None:
        """Remove a resource from every group, in one statement."""
        ...

    def disband(self, group_id: str) -> None:
        """Remove every member of a group, in one statement."""
        ...


class Credentials(Protocol):
    """Secrets and tokens, kept as keyed hashes."""

    def add(  # noqa: PLR0913  # one row has these columns
        self,
        *,
        client_id: str,
        credential_id: str,
        kind: CredentialKind,
        text: str,
        scopes: Sequence[str],
        expires_at: int | None,
    ) -> None:
        """Keep a credential; the text itself is not stored."""
        ...

    def revoke(self, credential_id: str) -> None:
        """Refuse a credential from now on."""
        ...


class Transaction(Protocol):
    """One write: one database transaction, in the order of ADR 0003."""

    @property
    def claims(self) -> Claims:
        """Names that are unique in the realm."""
        ...

    @property
    def members(self) -> Memberships:
        """Who is a member of what."""
        ...

    @property
    def credentials(self) -> Credentials:
        """Secrets and tokens of the realm."""
        ...

    @property
    def unique_group_names(self) -> bool:
        """Whether group names are unique in this realm."""
        ...

    def lock(
        self, *, written: Iterable[str] = (), referred: Iterable[str] = ()
    ) -> Mapping[str, Head]:
        """Lock head rows (``referred`` against deletion only); return those of this realm."""
        ...

    def groups_of(self, member_id: str) -> Sequence[str]:
        """Return the groups a resource is a member of, sorted, so that they can be locked."""
        ...

    def depart(self, resource_type: str, resource_id: str, *, deleted: bool) -> None:
        """Count a deactivation or deletion against the realm's guard, if it has one.

        The last lock before the claims. Raises :class:`MassChange`.
        """
        ...

    def shares_external_id(
        self, resource_type: str, external_id: str, besides: str
    ) -> Callable[[], bool]:
        """Ask whether another resource of the type has this ``externalId``: never to decide by.

        The answer is worth calling for only when it is needed: it may come with other answers.
        """
        ...

    def append(
        self,
        stream_id: str,
        stream_type: str,
        events: Sequence[Event],
        *,
        warnings: Sequence[Warned] = (),
        caused_by: str | None = None,
    ) -> None:
        """Record events after the newest version; ``caused_by`` is the stream they follow from."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """What a command did."""

    id: str
    changed: bool = True
    warnings: Sequence[Warned] = ()
    """What the handler itself tolerated; recorded only beside events."""


class Log(Protocol):
    """The log of a service: aggregates to decide with, transactions to record in."""

    def new_id(self) -> str:
        """Return a new UUIDv7 as text."""
        ...

    def clock(self) -> int:
        """Return microseconds since 1970 (UTC)."""
        ...

    def user(self, realm: str, user_id: str) -> Stream[User]:
        """Return a user. Raises :class:`NoSuchResource` unless the realm has it, undeleted."""
        ...

    def group(self, realm: str, group_id: str) -> Stream[Group]:
        """Return a group without members. Raises as :meth:`user`."""
        ...

    def realm(self, realm: str) -> Stream[Realm]:
        """Return a realm by id. Raises :class:`NoSuchRealm`."""
        ...

    def transaction(self, cause: Cause) -> AbstractContextManager[Transaction]:
        """Begin a write; it commits when the block ends and leaves nothing when it raises."""
        ...
