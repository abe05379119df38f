"""What an event says to an auditor; pure functions, for the follower and the rest of the log alike.

An attribute has a **key** by which it is looked for: its path in lower case. An event that changes
``name.givenName`` changes ``name`` too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, ValidationError, convert
from msgspec.json import Decoder

from domain.document import by_path
from domain.events import Part, WithChanges, WithDocument, WithMembers
from domain.group import Group
from domain.instants import instant
from domain.realm import Realm
from domain.schemas import GROUP, USER, AttributeDefinition, ResourceSchema
from domain.topics import AGGREGATE_OF, EVENTS
from projections.audit import MEMBERS, Entry
from projections.generations import Positioned
from projections.mapper import PRESENT, parts_of, upcast

NAMING_TOPICS = tuple(
    topic
    for topic, kind in EVENTS.items()
    if kind is Realm.Registered or issubclass(kind, WithDocument | WithChanges)
)
"""Events that can change what a resource is called."""
_Changes = Callable[[Part], Sequence[Mapping[str, Any]]]


class _Clear(Struct, gc=False):
    schema_version: int
    warnings: list[tuple[str, str]]
    members: list[str] = []


class _Payload(Struct, gc=False):
    clear: _Clear
    personal: dict[str, Any]


_decoded = Decoder(_Payload).decode


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
    if topic in _OF_REALMS:
        parts = parts_of(topic, payload)
        named = _named_by(_OF_REALMS[topic].from_parts(*parts))
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


def attributes_of(event: Any) -> frozenset[str]:
    """Return the keys of the attributes that an event changes."""
    match event:
        case WithMembers():
            return frozenset((MEMBERS,))
        case WithChanges(changes):
            return _keys_of_all(tuple(changes))
        case WithDocument(document):
            return _keys_of_all(tuple(by_path(document)))
        case _:
            return _keys_of_all(tuple(name for name, _ in _named_by(event)))


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


def key_of_attribute(text: str) -> str | None:
    """Return the key of an attribute as somebody spells it; ``None`` when there is none.

    An attribute of an extension may go without its URN; a sub-attribute of a multi-valued one
    stands for the whole, which is recorded whole.
    """
    return _SPELLINGS.get(text.lower())


@lru_cache(1_024)
def _keys_of_all(changed: tuple[str, ...]) -> frozenset[str]:
    return frozenset(key for path in changed for key in _keys(path))


def _keys(path: str) -> list[str]:
    urn, colon, rest = path.lower().rpartition(":")
    attribute, dot, _ = rest.partition(".")
    keys = [path.lower(), f"{urn}{colon}{attribute}"] if dot else [path.lower()]
    return [*keys, urn] if colon else keys


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


def _named_by(event: Any) -> Iterator[tuple[str, Any]]:
    clear, personal = event.parts()
    for name, value in {**clear, **personal}.items():
        yield _camel(name), _shown(name, value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(name: str, value: Any) -> Any:
    return instant(value) if name.endswith("_at") and isinstance(value, int) else value


def _spelled(attributes: Mapping[str, AttributeDefinition], prefix: str = "") -> dict[str, str]:
    found = {}
    for name, attribute in attributes.items():
        if attribute.read_only and name != MEMBERS:
            continue
        key = found[prefix + name] = prefix + name
        for sub in attribute.sub_attributes:
            found[f"{key}.{sub}"] = key if attribute.multi_valued else f"{key}.{sub}"
    return found


def _spellings(schema: ResourceSchema) -> dict[str, str]:
    core = _spelled(schema.attributes)
    found = {**core, **{f"{schema.urn.lower()}:{name}": key for name, key in core.items()}}
    for urn, attributes in schema.extensions.items():
        qualified = f"{urn.lower()}:"
        extension = _spelled(attributes, qualified)
        found |= {name.removeprefix(qualified): key for name, key in extension.items()} | extension
        found[urn.lower()] = urn.lower()
    return found | core


def _fields_of_realms() -> dict[str, str]:
    named = [n for k in EVENTS.values() for n in getattr(k, "__slots__", ()) if _is_of_realm(k)]
    return {_camel(name).lower(): _camel(name).lower() for name in named}


def _is_of_realm(kind: Any) -> bool:
    return AGGREGATE_OF[kind.topic] == "Realm"


_SPELLINGS = {**_fields_of_realms(), **_spellings(USER), **_spellings(GROUP)}
_OF_REALMS: Mapping[str, Any] = {t: kind for t, kind in EVENTS.items() if _is_of_realm(kind)}
_CHANGES: Mapping[str, _Changes] = {
    topic: changes
    for topic, kind in EVENTS.items()
    if topic not in _OF_REALMS and (changes := _changes_of(kind)) is not None
}
_ADDED, _REMOVED = Group.MembersAdded.topic, Group.MembersRemoved.topic
