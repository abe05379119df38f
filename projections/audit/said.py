"""What an event says to an auditor: its changes, its members and what was tolerated.

Pure functions of a payload as it stands in the log.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, ValidationError, convert
from msgspec.json import Decoder

from domain.document import by_path
from domain.events import Part, WithChanges, WithDocument
from domain.group import Group
from domain.instants import instant
from domain.topics import EVENTS
from projections.audit.keys import OF_REALMS, camel
from projections.mapper import PRESENT, parts_of, upcast

_Changes = Callable[[Part], Sequence[Mapping[str, Any]]]


class _Clear(Struct, gc=False):
    schema_version: int
    warnings: list[tuple[str, str]]
    members: list[str] = []


class _Payload(Struct, gc=False):
    clear: _Clear
    personal: dict[str, Any]


_decoded = Decoder(_Payload).decode


class Said(Struct, gc=False):
    """What an event says, as JSON values."""

    changes: Sequence[Mapping[str, Any]]
    """Of each changed attribute the ``path``, the value ``before`` and the one ``after``; of an
    event about a realm, what it names. Members are none of it."""
    added: Sequence[str]
    """The ids of members."""
    removed: Sequence[str]
    warnings: Sequence[tuple[str, str]]
    """What was tolerated: code and path of each."""


def said_in(topic: str, payload: bytes) -> Said:
    """Return what the payload of an event says.

    Only that is decoded: who caused it stands in columns, and is most of the payload.

    Raises:
        EventFromTheFuture: its topic or its version is unknown to this code.
    """
    if topic in OF_REALMS:
        parts = parts_of(topic, payload)
        named = named_by(OF_REALMS[topic].from_parts(*parts))
        return Said(_new(named), (), (), parts[0]["warnings"])
    decoded = _in_the_present(topic, payload)
    clear = decoded.clear
    changes = _CHANGES[topic](decoded.personal) if topic in _CHANGES else []
    if topic == _ADDED:
        return Said(changes, clear.members, (), clear.warnings)
    if topic == _REMOVED:
        return Said(changes, (), clear.members, clear.warnings)
    return Said(changes, (), (), clear.warnings)


def _in_the_present(topic: str, payload: bytes) -> _Payload:
    try:
        decoded = _decoded(payload)
        if decoded.clear.schema_version == PRESENT.get(topic):
            return decoded
    except ValidationError:  # another release may have written it otherwise
        pass
    return convert(upcast(topic, orjson.loads(payload)), _Payload)


def named_by(event: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an event about a realm names, each with its value."""
    clear, personal = event.parts()
    for name, value in {**clear, **personal}.items():
        yield camel(name), _shown(name, value)


def _changes_of(kind: Any) -> _Changes | None:
    """Return what gives the changes of a kind of event from the personal part of its payload."""
    if issubclass(kind, WithChanges):
        return lambda personal: [
            {"path": path, "before": each["old"], "after": each["new"]}
            for path, each in personal["changes"].items()
        ]
    if issubclass(kind, WithDocument):
        return lambda personal: _new(by_path(personal["document"]).items())
    return None


def _new(values: Iterable[tuple[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [{"path": path, "before": None, "after": value} for path, value in values]


def _shown(name: str, value: Any) -> Any:
    return instant(value) if name.endswith("_at") and isinstance(value, int) else value


_CHANGES: Mapping[str, _Changes] = {
    topic: changes
    for topic, kind in EVENTS.items()
    if topic not in OF_REALMS and (changes := _changes_of(kind)) is not None
}
_ADDED, _REMOVED = Group.MembersAdded.topic, Group.MembersRemoved.topic
