"""Events as they stand in the log.

An event says in the past tense what happened; its classes are nested in their aggregate's file.
:class:`RecordedEvent` is the envelope the log keeps it in. Each event splits into a **clear** part
(ids, changed paths) and a **personal** part (every value), so that the personal one can be sealed
under a key of its own subject later (ADR 0005).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

from domain.cause import Cause, Warned
from domain.document import Change, Changes, Document

Part = Mapping[str, Any]


class Event(Protocol):
    """What happened to an aggregate."""

    topic: ClassVar[str]
    """The eternal name of the event in the log; never an import path."""
    schema_version: ClassVar[int]

    def parts(self) -> tuple[Part, Part]:
        """Return the clear and the personal part of the payload."""
        ...

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:
        """Return the event that :meth:`parts` was taken from."""
        ...


@dataclass(frozen=True, slots=True)
class Bare:
    """An event that needs no payload."""

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def parts(self) -> tuple[Part, Part]:
        """Return two empty parts."""
        return {}, {}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:  # noqa: ARG003  # one signature
        """Return the event."""
        return cls()


@dataclass(frozen=True, slots=True)
class Named:
    """An event about something with a name of its own: all of it clear."""

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def parts(self) -> tuple[Part, Part]:
        """Return the fields; none of them is personal."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}, {}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:  # noqa: ARG003  # one signature
        """Return the event."""
        values: dict[str, Any] = {f.name: clear[f.name] for f in fields(cls)}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


@dataclass(frozen=True, slots=True)
class WithDocument:
    """An event that carries a whole document."""

    document: Document

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def parts(self) -> tuple[Part, Part]:
        """Return the paths, and the document."""
        return {"paths": list(self.document)}, {"document": self.document}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:  # noqa: ARG003  # one signature
        """Return the event; the paths are for those who may not read the values."""
        return cls(personal["document"])


@dataclass(frozen=True, slots=True)
class WithRestoredDocument(WithDocument):
    """An event that brings a resource back with a whole document.

    ``created_at`` is the instant of the stream's first event, in microseconds: what has been
    forgotten with the row of a deleted resource, and ``meta.created`` says again.
    """

    created_at: int

    schema_version: ClassVar[int] = 2

    def parts(self) -> tuple[Part, Part]:
        """Return the paths and the instant of creation, and the document."""
        clear = {"paths": list(self.document), "created_at": self.created_at}
        return clear, {"document": self.document}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:
        """Return the event."""
        return cls(personal["document"], clear["created_at"])


@dataclass(frozen=True, slots=True)
class WithChanges:
    """An event that carries changes by schema path."""

    changes: Changes

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def parts(self) -> tuple[Part, Part]:
        """Return the changed paths, and the values before and after."""
        values = {path: {"old": c.old, "new": c.new} for path, c in self.changes.items()}
        return {"paths": list(self.changes)}, {"changes": values}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:  # noqa: ARG003  # one signature
        """Return the event."""
        return cls({p: Change(v["old"], v["new"]) for p, v in personal["changes"].items()})


@dataclass(frozen=True, slots=True)
class WithMembers:
    """An event that carries a delta of member ids, at most :data:`MEMBERS_PER_EVENT`."""

    members: tuple[str, ...]

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def parts(self) -> tuple[Part, Part]:
        """Return the member ids, all in the clear: an id says nothing about a person."""
        return {"members": list(self.members)}, {}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:  # noqa: ARG003  # one signature
        """Return the event."""
        return cls(tuple(clear["members"]))


MEMBERS_PER_EVENT = 1_000

E_co = TypeVar("E_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True)
class RecordedEvent(Generic[E_co]):
    """An event in its stream. The first two names are the eventsourcing library's."""

    originator_id: UUID
    """The stream: the id of the aggregate."""
    originator_version: int
    """The version of the aggregate after this event, from 1."""
    event: E_co
    recorded_at: int
    """Microseconds since 1970 (UTC); shared by all events of a transaction (ADR 0003)."""
    cause: Cause
    warnings: tuple[Warned, ...] = ()

    @cached_property
    def stream_id(self) -> str:
        """The stream as text, as it stands in ids and references."""
        return str(self.originator_id)


@dataclass(frozen=True)
class Stream(Generic[S_co]):
    """An aggregate as its events leave it. ``id`` and ``version`` are the library's names."""

    id: UUID
    version: int
    state: S_co
    correlation_id: str
    """Of the last event; part of the entity tag."""
    realm: str
    """The id of the realm the stream belongs to."""

    @property
    def entity_tag(self) -> str:
        """The entity tag of this version."""
        return entity_tag(self.version, self.correlation_id)


def entity_tag(version: int, correlation_id: str) -> str:
    """Return the weak entity tag of a version: ``W/"<version>-<8 hex digits>"``.

    The digits are the beginning of the last event's correlation id: a tag of a history that a
    restored backup has forgotten cannot match (ADR 0004).
    """
    return f'W/"{version}-{correlation_id[:8]}"'
