"""Every event there is, by its eternal topic (ADR 0005).

The log names events by topic. A topic that is not here was written by newer code and is refused,
never skipped. Classes may move and be renamed; topics may not.
"""

from typing import get_args

from domain.events import Event
from domain.group import GroupEvent
from domain.realm import RealmEvent
from domain.user import UserEvent

EVENTS: dict[str, type[Event]] = {
    event.topic: event
    for aggregate in (UserEvent, GroupEvent, RealmEvent)
    for event in get_args(aggregate)
}
AGGREGATE_OF: dict[str, str] = {topic: topic.partition(".")[0].capitalize() for topic in EVENTS}
"""The resource type whose stream holds events of a topic: ``User``, ``Group`` or ``Realm``."""
