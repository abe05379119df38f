"""Between events and the bytes of the log (ADR 0005).

A payload is ``{"clear": …, "personal": …}`` in JSON. Topics are eternal names, never import paths,
so nothing in the database decides which code is loaded (ABUSE F9). Events newer than the code are
refused: skipping one would make a wrong state look right.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.persistence import Mapper, StoredEvent

from domain.cause import Actor, Cause, Warned
from domain.events import RecordedEvent
from domain.group import Group
from domain.topics import EVENTS
from domain.user import User

Payload = dict[str, Any]
Upcaster = Callable[[Payload], Payload]


def _knows_its_creation(payload: Payload) -> Payload:
    """Say when a restored resource was created: no command recorded version 1, which did not."""
    clear = payload["clear"]
    at = {"schema_version": 2, "created_at": clear["recorded_at"]}
    return {**payload, "clear": {**clear, **at}}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    (User.Restored.topic, 1): _knows_its_creation,
    (Group.Restored.topic, 1): _knows_its_creation,
}
"""By topic and version: what turns a payload of that version into one of the next."""


PRESENT = {topic: kind.schema_version for topic, kind in EVENTS.items()}
"""The version in which events of a topic are written now."""


class EventFromTheFuture(Exception):
    """The log holds an event that this code does not know; a newer release wrote it."""


class EventMapper(Mapper[UUID]):
    """Maps :class:`RecordedEvent` to and from the library's stored events."""

    def __init__(self) -> None:
        """Need no transcoder: payloads are plain JSON."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Return the stored form of a recorded event."""
        recorded: RecordedEvent[Any] = domain_event
        cause, (clear, personal) = recorded.cause, recorded.event.parts()
        payload = {
            "clear": {
                "schema_version": recorded.event.schema_version,
                "realm": cause.realm,
                "recorded_at": recorded.recorded_at,
                "cause": {
                    "actor": {
                        "kind": cause.actor.kind,
                        "id": cause.actor.id,
                        "token_id": cause.actor.token_id,
                    },
                    "operation": cause.operation,
                    "correlation_id": cause.correlation_id,
                    "causation_id": cause.causation_id,
                    "source_address": cause.source_address,
                    "user_agent": cause.user_agent,
                },
                "warnings": [list(warned) for warned in recorded.warnings],
                **clear,
            },
            "personal": personal,
        }
        return StoredEvent(
            originator_id=recorded.originator_id,
            originator_version=recorded.originator_version,
            topic=recorded.event.topic,
            state=orjson.dumps(payload),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Return the recorded event that was stored.

        Raises:
            EventFromTheFuture: its topic or its version is unknown to this code.
        """
        payload: Payload = upcast(stored_event.topic, orjson.loads(stored_event.state))
        clear, kind = payload["clear"], EVENTS[stored_event.topic]
        cause = clear["cause"]
        return RecordedEvent(
            originator_id=stored_event.originator_id,  # type: ignore[arg-type]  # the recorder's
            originator_version=stored_event.originator_version,
            event=kind.from_parts(clear, payload["personal"]),
            recorded_at=clear["recorded_at"],
            cause=Cause(realm=clear["realm"], **{**cause, "actor": Actor(**cause["actor"])}),
            warnings=tuple(Warned(*warned) for warned in clear["warnings"]),
        )


def parts_of(topic: str, state: bytes) -> tuple[Payload, Payload]:
    """Return the clear and the personal part of a payload, as the present version has them.

    For whoever needs no more: the parts are half the work of a :class:`RecordedEvent`.

    Raises:
        EventFromTheFuture: its topic or its version is unknown to this code.
    """
    payload = upcast(topic, orjson.loads(state))
    return payload["clear"], payload["personal"]


def upcast(topic: str, payload: Payload) -> Payload:
    """Return a payload as the present version of its topic would have written it.

    Raises:
        EventFromTheFuture: its topic or its version is unknown to this code.
    """
    if topic not in EVENTS:
        raise EventFromTheFuture(f'the log holds "{topic}", which this release does not know')
    present, version = EVENTS[topic].schema_version, payload["clear"]["schema_version"]
    if version > present:
        raise EventFromTheFuture(
            f'the log holds "{topic}" in version {version}; this release knows {present}'
        )
    while version < present:
        payload = UPCASTERS[topic, version](payload)
        version += 1
    return payload
