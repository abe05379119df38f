"""The entry of an event, and what its resource is called; pure functions.

For the follower, which writes entries, and for the rest of the log, which has none yet.
"""

from typing import Any, NamedTuple

from domain.document import by_path
from domain.events import WithChanges, WithDocument, WithMembers
from domain.realm import Realm
from domain.topics import AGGREGATE_OF, EVENTS
from projections.audit import MEMBERS, Entry
from projections.audit.keys import keys_of
from projections.audit.said import named_by
from projections.generations import Positioned

NAMING_TOPICS = tuple(
    topic
    for topic, kind in EVENTS.items()
    if kind is Realm.Registered or issubclass(kind, WithDocument | WithChanges)
)
"""Events that can change what a resource is called."""


class Name(NamedTuple):
    """What a resource may be called by: a realm's slug counts as its display name."""

    display: str | None = None
    user_name: str | None = None

    @property
    def shown(self) -> str | None:
        """What it is called."""
        return self.display or self.user_name


def named_after(name: Name, event: Any) -> Name:
    """Return what a resource is called after an event."""
    match event:
        case Realm.Registered(slug):
            return Name(slug)
        case WithDocument(document):
            return Name(document.get("displayName"), document.get("userName"))
        case WithChanges(changes):
            return Name(
                changes["displayName"].new if "displayName" in changes else name.display,
                changes["userName"].new if "userName" in changes else name.user_name,
            )
        case _:
            return name


def attributes_of(event: Any) -> frozenset[str]:
    """Return the keys of the attributes that an event changes."""
    match event:
        case WithMembers():
            return frozenset((MEMBERS,))
        case WithChanges(changes):
            return keys_of(tuple(changes))
        case WithDocument(document):
            return keys_of(tuple(by_path(document)))
        case _:
            return keys_of(tuple(name for name, _ in named_by(event)))


def entry_of(positioned: Positioned, name: Name, payload: bytes = b"") -> Entry:
    """Return the entry of an event, given what its resource is called after it."""
    position, recorded = positioned
    cause, topic = recorded.cause, recorded.event.topic
    actor = cause.actor
    return Entry(
        realm=cause.realm,
        position=position,
        recorded_at=recorded.recorded_at,
        resource_type=AGGREGATE_OF[topic],
        resource_id=recorded.stream_id,
        resource_name=name.shown,
        version=recorded.originator_version,
        action=topic,
        operation=cause.operation,
        actor_kind=actor.kind,
        actor_id=actor.id,
        token_id=actor.token_id,
        source_address=cause.source_address,
        user_agent=cause.user_agent,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        payload=payload,
    )
