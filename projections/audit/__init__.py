"""The audit read model: who changed what, when, through which token, and how it was called then.

A follower (ADR 0014). It holds what events are looked for by, and no values: those are decoded from
the events themselves, so that personal data stays in one place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.group import MEMBER_TOPICS
from domain.topics import AGGREGATE_OF

READ_MODEL = "audit"
MEMBERS = "members"
"""The attribute that events about members change."""


class Entry(NamedTuple):
    """An event as an auditor looks for it; ``action`` is its topic."""

    realm: str
    position: int
    recorded_at: int
    """Microseconds since 1970 (UTC)."""
    resource_type: str
    resource_id: str
    resource_name: str | None
    """What the resource was called right after the event: displayName, else userName or slug."""
    version: int
    action: str
    operation: str
    actor_kind: str
    actor_id: str
    token_id: str | None
    source_address: str | None
    user_agent: str | None
    correlation_id: str
    causation_id: str | None
    payload: bytes = b""
    """The event as it stands in the log, to which it belongs: no column, and empty where it is
    not asked for."""


COLUMNS = tuple(name for name in Entry._fields if name != "payload")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is asked for; what is ``None`` may be anything. ``attribute`` is an attribute's key."""

    resource_type: str | None = None
    resource_id: str | None = None
    actor: str | None = None
    action: str | None = None
    attribute: str | None = None
    correlation_id: str | None = None

    @property
    def topics(self) -> Sequence[str] | None:
        """The topics that can meet the conditions; ``None`` where nothing is said about them."""
        if (self.resource_type, self.action) == (None, None) and self.attribute != MEMBERS:
            return None
        return [
            topic
            for topic, kind in AGGREGATE_OF.items()
            if self.resource_type in (None, kind)
            and self.action in (None, topic)
            and (self.attribute != MEMBERS or topic in MEMBER_TOPICS)
        ]

    def hold(self, entry: Entry, attributes: frozenset[str]) -> bool:
        """Whether they hold for an event that changes these attributes (keys)."""
        return (
            self.resource_type in (None, entry.resource_type)
            and self.resource_id in (None, entry.resource_id)
            and self.actor in (None, entry.actor_id)
            and self.action in (None, entry.action)
            and self.correlation_id in (None, entry.correlation_id)
            and (self.attribute is None or self.attribute in attributes)
        )
