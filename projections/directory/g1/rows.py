"""What events make of a row: pure functions, ``on_<event>``, from row to row.

Live writes and rebuilds call the same functions; there is no replay branch (ADR 0008).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.document import Document, changed
from domain.events import RecordedEvent
from domain.group import Group
from domain.topics import AGGREGATE_OF
from domain.user import User


@dataclass(frozen=True, slots=True)
class Row:
    """A resource as the read model knows it; ``document`` as in the domain."""

    realm: str
    id: str
    type: str
    document: Document
    version: int
    correlation_id: str
    created: int
    last_modified: int


Function = Callable[[Row | None, RecordedEvent[Any]], Row | None]


def on_created(_row: Row | None, recorded: RecordedEvent[Any]) -> Row:
    """Begin a row: ``user.created`` and ``group.created``."""
    return Row(
        realm=recorded.cause.realm,
        id=recorded.stream_id,
        type=AGGREGATE_OF[recorded.event.topic],
        document=recorded.event.document,
        version=recorded.originator_version,
        correlation_id=recorded.cause.correlation_id,
        created=recorded.recorded_at,
        last_modified=recorded.recorded_at,
    )


def on_restored(row: Row | None, recorded: RecordedEvent[Any]) -> Row:
    """Begin a row again: ``user.restored`` and ``group.restored`` know when it first began."""
    return replace(on_created(row, recorded), created=recorded.event.created_at)


def on_changed(row: Row | None, recorded: RecordedEvent[Any]) -> Row:
    """Apply changes: the events that carry them by path."""
    touched, changes = _existing(row, recorded), recorded.event.changes
    return _moved(touched, recorded, changed(touched.document, changes))


def on_touched(row: Row | None, recorded: RecordedEvent[Any]) -> Row:
    """Move the version on: the members of a group changed, its own attributes did not."""
    touched = _existing(row, recorded)
    return _moved(touched, recorded, touched.document)


def _existing(row: Row | None, recorded: RecordedEvent[Any]) -> Row:
    if row is None:
        raise ValueError(f"{recorded.event.topic} of a resource that was never created")
    return row


def _moved(row: Row, recorded: RecordedEvent[Any], document: Document) -> Row:
    return replace(
        row,
        document=document,
        version=recorded.originator_version,
        correlation_id=recorded.cause.correlation_id,
        last_modified=recorded.recorded_at,
    )


def on_deleted(_row: Row | None, _recorded: RecordedEvent[Any]) -> None:
    """End a row."""


FUNCTIONS: Mapping[str, Function] = {
    User.Created.topic: on_created,
    User.AttributesChanged.topic: on_changed,
    User.Renamed.topic: on_changed,
    User.Deactivated.topic: on_changed,
    User.Activated.topic: on_changed,
    User.Deleted.topic: on_deleted,
    User.Restored.topic: on_restored,
    Group.Created.topic: on_created,
    Group.AttributesChanged.topic: on_changed,
    Group.Renamed.topic: on_changed,
    Group.MembersAdded.topic: on_touched,
    Group.MembersRemoved.topic: on_touched,
    Group.Deleted.topic: on_deleted,
    Group.Restored.topic: on_restored,
}
"""Every event the directory follows, by topic; realm events are not among them."""
